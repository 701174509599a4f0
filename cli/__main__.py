"""`python -m cli`: the command line. Only the command that is called is imported, so that it starts fast."""

from __future__ import annotations

import sys

from cli.app import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
