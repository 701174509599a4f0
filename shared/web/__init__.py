"""The HTTP edge that every service has: application factory, error envelope, caller, pages, clients.

A service's `module.py` builds its application and its `api.py` declares plain `def` routes::

    # errors.py (imports no framework)
    from shared.errors import ApiError, Conflict, NotFound

    class ProjectNotFound(NotFound):
        code = "PROJ_001"
        message = "The project does not exist."

    # api.py
    router = APIRouter(prefix="/api/projects", tags=["projects"])

    @router.get("/{project_id}", responses=error_responses(ProjectNotFound))
    def get_project(project_id: int, caller: Caller, request: Request) -> ProjectOut: ...

    @router.get("")
    def list_projects(caller: Caller, page: PageQuery) -> Page[ProjectOut]:
        rows = views.after(page.key, page.limit + 1)     # key: None or the last row's sort values (a list)
        return Page.of(rows, page, total=views.count(), key=lambda row: [row.id])

    # module.py
    app = service_app("projects", [router], ready=infra.ready, verifier=infra.verifier)

`Caller` is any member of the organisation, `Editor` everybody but viewers, `Administrator` owners and admins; each is a
`Principal` (user_id, org_id, role). The route's thread sees `current_metadata()` with organisation, actor and
correlation id. Errors are raised, never returned: `ApiError` subclasses, and by themselves `VersionConflict`,
`QueryUnavailable` and a lost database.
"""

from shared.errors import ApiError
from shared.security.principal import Principal
from shared.web.app import Ready, service_app
from shared.web.clients import Answer, HttpClients, ServiceClient
from shared.web.envelope import error_responses
from shared.web.identity import Administrator, Caller, Editor
from shared.web.pages import Page, PageQuery, PageRequest

__all__ = [
    "Administrator",
    "Answer",
    "ApiError",
    "Caller",
    "Editor",
    "HttpClients",
    "Page",
    "PageQuery",
    "PageRequest",
    "Principal",
    "Ready",
    "ServiceClient",
    "error_responses",
    "service_app",
]
