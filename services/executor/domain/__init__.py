"""Runs and their shards; pure."""

from services.executor.domain.run import Run, public_id
from services.executor.domain.shard import Shard
from services.executor.domain.statuses import COLORS, STATUSES, is_healable, pass_rate, run_status, spoken_duration

__all__ = [
    "COLORS",
    "STATUSES",
    "Run",
    "Shard",
    "is_healable",
    "pass_rate",
    "public_id",
    "run_status",
    "spoken_duration",
]
