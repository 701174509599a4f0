"""Routes of analytics."""

from services.analytics.api.analytics import analytics_router
from services.analytics.api.projects import projects_router

__all__ = ["analytics_router", "projects_router"]
