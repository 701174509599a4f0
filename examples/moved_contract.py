"""The next release of the library API: edits a copy of its source the way a developer would.

A path is renamed (`/books/{book_id}/reviews` → `/books/{book_id}/ratings`) and a field (`author` → `creator`,
in requests and answers); what the API does stays the same. Run: `python moved_contract.py FOLDER_OF_THE_COPY`.
"""

import re
import sys
from pathlib import Path

EDITS = (
    ("routers/books.py", r'"/\{book_id\}/reviews"', '"/{book_id}/ratings"'),
    ("schemas.py", r"^    author:", "    creator:"),
    ("store.py", r"\bauthor=", "creator="),
)
"""File, pattern, replacement."""


def move(folder: Path) -> None:
    """Applies the edits to the package in `folder`; raises ValueError where one finds nothing to change."""
    for name, pattern, replacement in EDITS:
        file = folder / name
        text, found = re.subn(pattern, replacement, file.read_text(), flags=re.MULTILINE)
        if not found:
            raise ValueError(f"{file}: nothing matches {pattern}")
        file.write_text(text)


if __name__ == "__main__":
    move(Path(sys.argv[1]))
