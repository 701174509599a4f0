"""What the scanner refuses, and why a scan fails."""

from __future__ import annotations

from shared.errors import Conflict, InvalidInput, NotFound, Unprocessable


class ScanError(Unprocessable):
    """A scan can't be done; the job fails with the code and message."""

    code = "SCAN_006"
    message = "The scan failed."


class SourceUnreachable(ScanError):
    """The repository, folder or document can't be reached, or TestGen is not allowed to."""

    code = "SCAN_001"
    message = "The source cannot be reached."


class UnsupportedSource(ScanError):
    """Nothing in the source belongs to a framework or document format that is supported."""

    code = "SCAN_002"
    message = "No supported framework or OpenAPI document was found."


class MalformedSource(ScanError):
    """The document can't be read; the message says what is wrong and where."""

    code = "SCAN_003"
    message = "The document is malformed."


class NoEndpoints(ScanError):
    code = "SCAN_004"
    message = "The source was read, but no endpoints were found in it."


class ScanTooLarge(ScanError):
    """The source takes more memory, time or space than a scan may."""

    code = "SCAN_005"
    message = "The source is too large to be scanned."


class ScanRunning(Conflict):
    code = "SCAN_007"
    message = "The project is being scanned already."


class ScanNotFound(NotFound):
    code = "SCAN_008"
    message = "The scan job does not exist."


class EndpointNotFound(NotFound):
    code = "SCAN_009"
    message = "The endpoint does not exist."


class SourceInvalid(InvalidInput):
    """The request names no source, or one that is incomplete."""

    code = "SCAN_010"
    message = "The source of the scan is not complete."


class ProjectUnknown(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."


class ScanCancelled(ScanError):
    code = "SCAN_011"
    message = "The scan was cancelled."
