"""The pointer to the live read model. Analytics has no log of its own."""

from alembic import op

from shared.eventstore.migrations import create_projection_pointers, drop_projection_pointers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_projection_pointers(op, "analytics")


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS analytics.consumer_positions")
    drop_projection_pointers(op, "analytics")
