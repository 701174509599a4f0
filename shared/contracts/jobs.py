"""Job states, as the documents name them."""

from typing import Literal

JobStatus = Literal["Pending", "Running", "Completed", "Failed", "Cancelled"]
FINAL_JOB_STATES: frozenset[str] = frozenset({"Completed", "Failed", "Cancelled"})
