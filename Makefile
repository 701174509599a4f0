# What CI runs is `make test`. Everything uses .venv, which `make dev` makes from the hashed lock.
PY := .venv/bin/python
LOCK := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11
QUICK := not bench and not nightly and not soak

.PHONY: help dev lint format types imports tests test bench nightly contracts lock

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

dev:  ## the environment with test and lint tools
	@python3 testgen --install-dev

lint: dev  ## ruff: lint and format
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --quiet --check .

format: dev  ## ruff: mend what can be mended
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format --quiet .

types: dev  ## mypy, strict
	.venv/bin/mypy

imports: dev  ## import-linter: who may import whom
	.venv/bin/lint-imports --no-logo

tests: dev  ## pytest without the slow ones, a worker per core with servers of its own
	$(PY) -m pytest -q -m "$(QUICK)" -n auto --maxprocesses 4 --dist loadfile

test: lint types imports tests  ## everything that CI runs

bench: dev  ## measurements: tables for docs/performance.md
	$(PY) -m pytest -q -m bench -s tests/bench

nightly: dev  ## the slow tests
	$(PY) -m pytest -q -m "nightly or soak"

contracts: dev  ## AsyncAPI document, and golden files of new contracts
	$(PY) -m shared.messaging.asyncapi docs/asyncapi.json
	$(PY) -m tests.contracts.samples

lock: dev  ## write both locks anew from requirements*.in
	$(LOCK) requirements.in -o requirements.lock
	$(LOCK) requirements-dev.in -o requirements-dev.lock
