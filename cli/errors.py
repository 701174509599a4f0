"""What ends a command: a message for the person at the terminal, and exit code 2 (usage or configuration)."""

from __future__ import annotations

from typing import Any


class CliError(Exception):
    """A command cannot go on. `hint` says what to try; `code` is of the platform, where that refused."""

    code: str | None = None

    def __init__(self, message: str, hint: str = "", *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class Refused(CliError):
    """The platform answered with an error: its envelope in one line."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        self.status = status
        self.code = str(error.get("code", f"HTTP_{status}"))
        self.details = error.get("details") or {}
        correlation = error.get("correlation_id")
        message = f"{error.get('message', 'the request was refused')} ({self.code}{_details(self.details)})"
        super().__init__(message, f"correlation id {correlation}" if correlation else "")


def _details(details: Any) -> str:
    if not isinstance(details, dict) or not details:
        return ""
    return "; " + ", ".join(f"{name}: {value}" for name, value in list(details.items())[:5])
