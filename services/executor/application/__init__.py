"""Every use case: `Runs` (ask, cancel, heal), `Planner` (what a run consists of), `Performer` (a shard)."""

from services.executor.application.performing import Performer
from services.executor.application.planning import Planner
from services.executor.application.runs import RunRequest, Runs

__all__ = ["Performer", "Planner", "RunRequest", "Runs"]
