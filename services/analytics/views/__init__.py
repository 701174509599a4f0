"""Read models of analytics: tables, the projection that fills them, and the queries over them.

Each table is written by the events of one publisher only and every value comes from the events, so that the content
does not depend on how the streams of different publishers interleave.
"""

from services.analytics.views.compare import compare
from services.analytics.views.coverage import Row, coverage_report, project_thresholds, run_coverage
from services.analytics.views.dashboard import dashboard, global_coverage
from services.analytics.views.model import CONSUMER, AnalyticsModel
from services.analytics.views.projection import EVENTS, AnalyticsProjection, Occurrence
from services.analytics.views.tables import TABLES, metadata
from services.analytics.views.trends import TimeRange, trends

__all__ = [
    "CONSUMER",
    "EVENTS",
    "TABLES",
    "AnalyticsModel",
    "AnalyticsProjection",
    "Occurrence",
    "Row",
    "TimeRange",
    "compare",
    "coverage_report",
    "dashboard",
    "global_coverage",
    "metadata",
    "project_thresholds",
    "run_coverage",
    "trends",
]
