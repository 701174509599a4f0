"""Scan jobs, endpoints, and how two scans differ; pure."""

from services.scanner.domain.endpoint import Endpoint
from services.scanner.domain.job import ScanJob
from services.scanner.domain.matching import Diff, Known, compare, normalised, same_contract
from services.scanner.domain.source import Source, SourceKind

__all__ = ["Diff", "Endpoint", "Known", "ScanJob", "Source", "SourceKind", "compare", "normalised", "same_contract"]
