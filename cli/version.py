"""The version of this checkout."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def version() -> str:
    """As in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
