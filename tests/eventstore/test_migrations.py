"""Every service's migrations go up and down, step by step, and each step back leaves exactly what was there before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from shared.eventstore import migrations
from shared.settings import InfraSettings

SERVICES = migrations.services_with_migrations()
OBJECTS = """
    SELECT 'relation', c.relkind::text, c.relname::text, coalesce(pg_get_viewdef(nullif(c.oid, 0), true), '')
    FROM pg_class c WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('v', 'm')
    UNION ALL
    SELECT 'relation', c.relkind::text, c.relname::text, '' FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind NOT IN ('v', 'm')
    UNION ALL
    SELECT 'column', table_name, column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = :schema
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = :schema
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = to_regnamespace(:schema)
    UNION ALL
    SELECT 'function', proname::text, '', prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)
"""


@pytest.fixture(scope="module")
def engine(infra_settings: InfraSettings) -> Iterator[Engine]:
    engine = create_engine(infra_settings.sqlalchemy_url)
    yield engine
    engine.dispose()


def schema_of(engine: Engine, service: str) -> list[tuple[str, ...]]:
    """Everything that the service's schema holds, as text; Alembic's own table apart."""
    with engine.connect() as connection:
        rows = connection.execute(text(OBJECTS), {"schema": service}).all()
    return sorted(tuple(map(str, row)) for row in rows if not any("alembic" in str(cell) for cell in row))


@pytest.mark.req("BO-36")
@pytest.mark.parametrize("service", SERVICES)
def test_each_step_back_restores_the_former_schema(engine: Engine, service: str) -> None:
    migrations.upgrade(engine, service, "base")
    steps = [schema_of(engine, service)]
    with engine.begin() as connection:
        scripts = ScriptDirectory.from_config(migrations._config(connection, service))
        revisions = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    for revision in revisions:
        migrations.upgrade(engine, service, revision)
        steps.append(schema_of(engine, service))
    assert len(steps[-1]) > len(steps[0]), "the migrations make something"
    for revision, former in zip(["base", *revisions[:-1]][::-1], steps[:-1][::-1], strict=True):
        migrations.downgrade(engine, service, revision)
        assert schema_of(engine, service) == former
    migrations.upgrade(engine, service)
    assert schema_of(engine, service) == steps[-1]
