"""Which of the written tests are kept: wanted, valid, different from each other, the best first, within the budget."""

from collections import defaultdict
from collections.abc import Iterable

from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.validation import problems

_RANK = {"High": 0, "Medium": 1, "Low": 2}


def selected(drafts: Iterable[Draft], assignment: Assignment) -> list[Draft]:
    """The tests to keep for one endpoint. Every category gets its best test before any gets its second."""
    instructions = assignment.instructions
    by_category: dict[str, list[Draft]] = defaultdict(list)
    seen: set[str] = set()
    for draft in drafts:
        if not instructions.wants(draft) or (assignment.types is not None and draft.test_type not in assignment.types):
            continue
        key = draft.definition.model_dump_json()
        if draft.fingerprint not in seen and key not in seen and not problems(draft.definition):
            seen |= {draft.fingerprint, key}
            by_category[draft.category].append(instructions.applied(draft))
    queues = [sorted(found, key=lambda draft: _RANK[draft.priority]) for found in by_category.values()]
    rounds = range(max((len(queue) for queue in queues), default=0))
    ranked = [queue[turn] for turn in rounds for queue in queues if turn < len(queue)]
    return sorted(ranked, key=lambda draft: not instructions.in_focus(draft))[: assignment.max_per_endpoint]
