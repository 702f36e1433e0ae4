"""What the base host answers: the operators' pages and API, hooks, caught mail in a demo."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from shared_apps.accounts.pages import own_pages
from shared_apps.console.pages.session import SITE
from shared_apps.console.urls import urlpatterns as pages
from shared_apps.tenants.urls import urlpatterns as tenants
from tenant_apps.connectors import catcher
from tenant_apps.intake.urls import hook_patterns
from ui.errors import bad_request as handler400
from ui.errors import page_not_found as handler404
from ui.errors import permission_denied as handler403
from ui.errors import server_error as handler500

from config.health import readyz

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns: list[URLPattern | URLResolver] = [
    path("readyz", readyz, name="readyz"),
    path("api/platform/v1/schema/", SpectacularAPIView.as_view(urlconf="config.urls.platform_api"), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="ui/api_docs.html"), name="api-docs"),
    path("api/platform/v1/", include(tenants)),
    *hook_patterns,
    *pages,
    *own_pages(SITE),
]
if settings.ATENDE_DEMO:
    urlpatterns += [*catcher.urlpatterns]
