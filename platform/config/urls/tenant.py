"""What a tenant's host answers: pages, the API, hooks, files."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from shared_apps.accounts.pages import own_pages
from shared_apps.accounts.urls import mailbox_patterns, own_patterns
from shared_apps.audit.urls import urlpatterns as audit
from tenant_apps.access.urls import urlpatterns as access
from tenant_apps.connectors.urls import urlpatterns as connectors
from tenant_apps.contacts.urls import urlpatterns as contacts
from tenant_apps.intake.urls import hook_patterns
from tenant_apps.intake.urls import urlpatterns as intake
from tenant_apps.messaging.urls import file_patterns
from tenant_apps.messaging.urls import urlpatterns as messaging
from tenant_apps.organization.urls import urlpatterns as organization
from tenant_apps.realtime.urls import urlpatterns as realtime
from tenant_apps.sso.urls import urlpatterns as sso
from tenant_apps.tickets.urls import urlpatterns as tickets
from tenant_apps.workspace.pages.shell import SITE
from tenant_apps.workspace.urls import urlpatterns as pages
from ui.errors import bad_request as handler400
from ui.errors import page_not_found as handler404
from ui.errors import permission_denied as handler403
from ui.errors import server_error as handler500

from config.health import readyz

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

api_patterns = [
    *own_patterns,
    *mailbox_patterns,
    *access,
    *audit,
    *connectors,
    *contacts,
    *intake,
    *messaging,
    *organization,
    *realtime,
    *sso,
    *tickets,
]
urlpatterns = [
    path("readyz", readyz, name="readyz"),
    path("api/v1/schema/", SpectacularAPIView.as_view(urlconf="config.urls.tenant_api"), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="ui/api_docs.html"), name="api-docs"),
    path("api/v1/", include(api_patterns)),
    *hook_patterns,
    *file_patterns,
    *pages,
    *own_pages(SITE),
]
