"""Generated pytest files: they run on their own, pass on the correct API and fail on a wrong one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.generator.adapters.code.pytest_file import PytestFile
from services.generator.adapters.rules.writer import RuleWriter
from services.generator.domain.assignment import Assignment
from shared.contracts.testcase import (
    BodyAssertion,
    Extract,
    HeaderAssertion,
    JsonAssertion,
    RequestTemplate,
    StatusAssertion,
    Step,
    TestDefinition,
    TimeAssertion,
)
from tests.generator import toy
from tests.generator.openapi import endpoints


def run(folder: Path, base_url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BASE_URL": base_url, "TOKEN": "token-ann", "OTHER_TOKEN": "token-bob"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )


def write_suite(folder: Path) -> int:
    number = 0
    for _, drafts in RuleWriter().write(Assignment(endpoints(toy.document()))):
        for draft in drafts:
            number += 1
            code = PytestFile().render(draft.title, draft.description, draft.definition)
            (folder / f"test_{number:03}.py").write_text(code, encoding="utf-8")
    return number


@pytest.mark.req("TG-9")
def test_every_generated_file_passes_on_the_correct_api(tmp_path: Path) -> None:
    number = write_suite(tmp_path)

    with toy.served(toy.build()) as base_url:
        done = run(tmp_path, base_url)

    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{number} passed" in done.stdout


def test_a_generated_file_fails_on_a_bug(tmp_path: Path) -> None:
    write_suite(tmp_path)

    with toy.served(toy.build("update forgotten")) as base_url:
        done = run(tmp_path, base_url)

    assert done.returncode == 1
    assert "is_kept" in done.stdout


def test_every_kind_of_assertion_renders_to_code_that_runs(tmp_path: Path) -> None:
    checks = (
        StatusAssertion(one_of=("201",)),
        HeaderAssertion(name="content-type", op="contains", value="json"),
        HeaderAssertion(name="content-type", op="matches", value="^application/"),
        HeaderAssertion(name="x-nothing", op="absent"),
        BodyAssertion(op="contains", value='"name"'),
        BodyAssertion(op="not_matches", value="(?i)traceback"),
        TimeAssertion(max_ms=60_000),
        JsonAssertion(path="$.name", op="equals", value='odd "quoted" \\ name {{$unique}}'),
        JsonAssertion(path="$['name']", op="matches", value="^odd"),
        JsonAssertion(path="$.id", op="type", value="integer"),
        JsonAssertion(path="$.id", op="gte", value=1),
        JsonAssertion(path="$.nothing", op="absent"),
    )
    body = {"name": 'odd "quoted" \\ name {{$unique}}', "price": 2.5}
    create = Step(
        request=RequestTemplate(method="POST", path="/products", body_kind="json", body=body),
        extract=(Extract(name="product_id", path="$.id"),),
        assertions=checks,
    )
    lists = Step(
        request=RequestTemplate(method="GET", path="/products", query={"limit": 1000}),
        assertions=(
            JsonAssertion(path="$[*].id", op="contains", value="{{product_id}}"),
            JsonAssertion(path="$", op="max_length", value=1000),
        ),
    )
    path = RequestTemplate(method="DELETE", path="/products/{id}", path_params={"id": "{{product_id}}"})
    definition = TestDefinition(steps=(create, lists, Step(role="cleanup", request=path)))
    (tmp_path / "test_it.py").write_text(PytestFile().render('Odd "title" \\', 'Says """so"""', definition))

    with toy.served(toy.build()) as base_url:
        done = run(tmp_path, base_url)

    assert "1 passed" in done.stdout, done.stdout
