"""The rule-based writer: every category for every endpoint, ranked, without duplicates, under a budget."""

from collections.abc import Iterator

from services.generator.adapters.rules import edge, functional, invalid, performance, security, state
from services.generator.adapters.rules.model import Api
from services.generator.adapters.rules.planner import Planner
from services.generator.adapters.rules.subject import Category, Subject
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.selection import selected

_CATEGORIES: tuple[Category, ...] = (
    functional.valid,
    state.state,
    security.authentication,
    invalid.invalid,
    edge.not_found,
    security.authorization,
    security.injection,
    performance.performance,
    edge.edge,
)


class RuleWriter:
    """Writes tests from the contract alone. The same assignment always gives the same tests."""

    def write(self, assignment: Assignment) -> Iterator[tuple[int, list[Draft]]]:
        """Endpoint ids in order, each with its tests."""
        api = Api(assignment.endpoints)
        planner = Planner(api, assignment.seed)
        wanted = None if assignment.endpoint_ids is None else set(assignment.endpoint_ids)
        for target in api.targets:
            if wanted is None or target.endpoint.id in wanted:
                subject = Subject(target, api, planner)
                drafts = [draft for category in _CATEGORIES for draft in category(subject)]
                yield target.endpoint.id, selected(drafts, assignment)
