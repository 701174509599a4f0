"""Alembic's entry point: runs on the connection and for the service that `migrations.py` passes in."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table="alembic_version",
    version_table_schema=attributes["service"],
    transactional_ddl=True,
)
context.run_migrations()
