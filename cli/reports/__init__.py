"""Reports of a run: terminal, HTML, JUnit, JSON, SARIF."""

from cli.reports.files import json_text, write_json, write_junit, write_sarif
from cli.reports.html import write_html
from cli.reports.terminal import write_terminal

__all__ = ["json_text", "write_html", "write_json", "write_junit", "write_sarif", "write_terminal"]
