"""The log, and the public numbers of endpoints."""

from alembic import op

from shared.eventstore.migrations import create_event_log, drop_event_log

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_event_log(op, "scanner", ["endpoint"])


def downgrade() -> None:
    drop_event_log(op, "scanner", ["endpoint"])
