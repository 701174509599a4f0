"""The report on a terminal: findings first, then what healed, coverage and trend."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.reports.html import coverage_by_method, duration_text, healed_groups
from cli.reports.model import ReportedTest, RunReport

_MOST = 20
"""Findings, changes and endpoints listed; the files have them all."""
_CONTROL = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "�")
_NAMED = 3
"""Tests named for each contract change."""
_SPARKS = "▁▂▃▄▅▆▇█"


def write_terminal(report: RunReport, console: Console) -> None:
    """Prints the report."""
    for test in report.findings[:_MOST]:
        console.print(_finding(test))
    _print_rest(console, len(report.findings), "findings")
    if report.healed:
        console.print(_healed(report))
    console.print(_coverage(report))
    if len(report.trend) > 1:
        console.print(_trend(report))
    for warning in report.warnings:
        console.print(_text(f"! {warning}", style="yellow"))
    console.print(summary(report))


def summary(report: RunReport) -> Text:
    """One line: `84 passed · 5 healed · 1 failed · 0 skipped in 4.1 s`."""
    text = Text()
    parts = [("passed", report.passed, "green"), ("healed", report.healed, "magenta")]
    parts += [("failed", report.failed, "bold red"), ("skipped", report.skipped, "yellow")]
    for name, count, style in parts:
        text.append(f"{count} {name}", style=style if count else "dim")
        text.append("  ")
    return text.append(f"in {duration_text(report.duration_s)}", style="dim")


def _finding(test: ReportedTest) -> RenderableType:
    lines: list[RenderableType] = [_text(test.title, style="bold")]
    if test.reason:
        lines.append(_text(test.reason, style="red"))
    if test.verdict_reason:
        lines.append(_text(f"Not healed: {test.verdict_reason}", style="dim"))
    if test.source_file:
        lines.append(_text(f"{test.source_file}:{test.source_line or 1}", style="dim"))
    if test.curl:
        lines.append(_text(test.curl, style="cyan", overflow="fold"))
    title = _text(f"✗ {test.method} {test.path}")
    subtitle = _text(" · ".join(part for part in (test.test_id, test.priority, test.category) if part), style="dim")
    return Panel(
        Group(*lines), title=title, title_align="left", subtitle=subtitle, subtitle_align="right", border_style="red"
    )


def _healed(report: RunReport) -> RenderableType:
    table = Table(title=f"Healed tests ({report.healed})", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, style in (("change", "dim"), ("was", "red"), ("is", "green"), ("tests", "")):
        table.add_column(name, style=style, overflow="fold")
    groups = healed_groups(report)
    for group in groups[:_MOST]:
        change = group.change
        kind = change.change_type.replace("_", " ")
        tests = f"{len(group.tests)}: " + ", ".join(test.test_id for test in group.tests[:_NAMED])
        more = "…" if len(group.tests) > _NAMED else ""
        table.add_row(*(_text(part) for part in (kind, change.old_value or "–", change.new_value or "–", tests + more)))
    return Padding(table, (1, 0))


def _coverage(report: RunReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for item in coverage_by_method(report):
        filled = round(item.percentage / 5)
        table.add_row(
            item.method,
            Text("█" * filled, style="green") + Text("░" * (20 - filled), style="dim"),
            f"{item.tested}/{item.total}",
        )
    head = Text(f"Coverage {report.coverage.percentage:.0f} %", style="bold")
    head.append(f"  {report.coverage.tested} of {report.coverage.total} endpoints", style="not bold dim")
    untested = [_text(f"  untested: {endpoint}", style="yellow") for endpoint in report.coverage.untested[:_MOST]]
    return Padding(Group(head, table, *untested), (0, 0, 1, 0))


def _trend(report: RunReport) -> RenderableType:
    series = [("pass rate", [point.pass_rate for point in report.trend])]
    series.append(("coverage", [point.coverage for point in report.trend]))
    table = Table.grid(padding=(0, 2))
    for name, values in series:
        sparks = "".join(_SPARKS[min(7, int(value / 100 * 7.999))] for value in values[-40:])
        table.add_row(name, Text(sparks, style="cyan"), " → ".join(f"{value:.0f} %" for value in values[-4:]))
    return Padding(Group(Text(f"Trend of {len(report.trend)} runs", style="bold"), table), (0, 0, 1, 0))


def _print_rest(console: Console, count: int, noun: str) -> None:
    if count > _MOST:
        console.print(Text(f"… and {count - _MOST} more {noun}", style="dim"))


def _text(text: str, **style: Any) -> Text:
    """Text from outside: its control characters must not reach the terminal."""
    return Text(text.translate(_CONTROL), **style)
