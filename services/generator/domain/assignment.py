"""What a writer is asked to do."""

from dataclasses import dataclass, field

from services.generator.domain.instructions import Instructions
from shared.contracts.scanner import Endpoint, SecurityScheme
from shared.contracts.testcase import TestType

DEFAULT_MAX_PER_ENDPOINT = 40


@dataclass(frozen=True)
class Assignment:
    """The whole API (for set-up chains), and the part of it that tests are wanted for.

    `endpoint_ids` None means all; `types` None means all kinds. `seed` decides between equally good choices.
    """

    endpoints: tuple[Endpoint, ...]
    endpoint_ids: tuple[int, ...] | None = None
    security_schemes: dict[str, SecurityScheme] = field(default_factory=dict)
    types: tuple[TestType, ...] | None = None
    instructions: Instructions = field(default_factory=Instructions)
    max_per_endpoint: int = DEFAULT_MAX_PER_ENDPOINT
    seed: int = 0
