from collections.abc import AsyncGenerator

import pytest

from services.executor.ports import AuthProfile, Environment
from tests.executor import hostile, target


@pytest.fixture
async def api() -> AsyncGenerator[target.Target, None]:
    async with target.running() as running:
        yield running


@pytest.fixture
def environment(api: target.Target) -> Environment:
    return Environment(
        base_url=api.base_url,
        auth=AuthProfile(kind="bearer", token=target.TOKEN),
        other_auth=AuthProfile(kind="bearer", token=target.OTHER_TOKEN),
    )


@pytest.fixture
async def hostile_url() -> AsyncGenerator[str, None]:
    async with hostile.running() as url:
        yield url
