"""The log, and the public numbers of test cases."""

from alembic import op

from shared.eventstore.migrations import create_event_log, drop_event_log

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_event_log(op, "generator", ["test_case"])


def downgrade() -> None:
    drop_event_log(op, "generator", ["test_case"])
