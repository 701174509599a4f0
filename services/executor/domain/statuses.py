"""What statuses mean, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

RunStatus = Literal["Running", "Success", "Failed", "Partial", "Cancelled"]
STATUSES = ("Passed", "Failed", "Skipped", "Healed")
COLORS: dict[str, str] = {
    "Running": "blue",
    "Success": "green",
    "Failed": "red",
    "Partial": "orange",
    "Cancelled": "gray",
}
_MINUTE, _HOUR = 60, 3600


def run_status(counts: Mapping[str, int]) -> RunStatus:
    """How a run ended that nobody cancelled and nothing broke off."""
    good = counts.get("Passed", 0) + counts.get("Healed", 0)
    if good == 0:
        return "Failed"
    return "Partial" if counts.get("Failed", 0) or counts.get("Skipped", 0) else "Success"


def is_healable(result: Mapping[str, Any]) -> bool:
    """Whether the healer shall look at it: it failed, or its set-up got an answer that was not the expected one."""
    if result["status"] == "Failed":
        return True
    return result["status"] == "Skipped" and any(not one["passed"] for one in result.get("assertions", ()))


def pass_rate(counts: Mapping[str, int]) -> float | None:
    """Percent of the tests that were executed; None when none was."""
    good = counts.get("Passed", 0) + counts.get("Healed", 0)
    executed = good + counts.get("Failed", 0)
    return round(100.0 * good / executed, 2) if executed else None


def spoken_duration(seconds: float) -> str:
    """ "45s", "1m 45s", "2h 3m"; below ten seconds with one decimal."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE}s"
    return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE}m"
