"""What no linter sees: routes that the OpenAPI document lacks, foreign keys that point upwards, permissions nobody names."""

import re

import pytest
from config.urls import every_api, tenant
from django.apps import apps
from django.conf import settings
from django.db import models
from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator
from kernel.api.views import ApiView, PublicApiView
from tenant_apps.access.permissions import CATALOGUE
from tenant_apps.access.selectors import OPERATOR_PERMISSIONS

ORDER = ["access", "contacts", "organization", "connectors", "messaging", "tickets", "intake", "realtime", "workspace"]
NEIGHBOURS = {"contacts": "organization", "organization": "contacts"}


def routes(patterns, prefix=""):
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern), entry.callback


def api_views():
    return [(route, callback.cls) for route, callback in routes(every_api.urlpatterns)]


def document():
    return SchemaGenerator(urlconf="config.urls.every_api").get_schema(request=None, public=True)


def test_every_api_route_is_in_the_document():
    described = {path.replace("{", "<").replace("}", ">").strip("/") for path in document()["paths"]}

    for route, _ in api_views():
        assert re.sub(r"<\w+:(\w+)>", r"<\1>", route).strip("/") in described, route


def test_every_route_below_api_is_an_api_view():
    """A page or plain function below /api/ would escape authentication, permissions and the document."""
    undescribed = {"api/v1/schema/", "api/docs/"}
    for route, callback in routes(tenant.urlpatterns):
        if route.startswith("api/") and route not in undescribed:
            assert issubclass(callback.cls, ApiView), route


# What is asked for by people who cannot sign in; a link's token proves the rest.
OPEN_TO_NOBODY = {"sign-in", "password-resets", "email-changes", "email-undos"}


def test_every_api_view_names_known_permissions():
    known = set(CATALOGUE) | OPERATOR_PERMISSIONS
    for route, view in api_views():
        if not issubclass(view, ApiView):
            assert route.startswith("hooks/"), route
            continue
        if issubclass(view, PublicApiView):
            assert route.removeprefix("api/v1/").split("/")[0] in OPEN_TO_NOBODY, route
            continue
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                assert view.permissions_by_method.get(method.upper(), view.permission) in known, f"{method} {route}"


def test_every_operation_names_its_problems_and_has_a_summary():
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), f"{method} {path}"
            assert {"404", "429"} <= set(operation["responses"]), f"{method} {path}"


@pytest.mark.parametrize("label", ORDER)
def test_foreign_keys_point_downwards(label):
    below = set(ORDER[: ORDER.index(label) + 1]) - {NEIGHBOURS.get(label)}
    shared = {config.label for config in apps.get_app_configs() if config.name in settings.SHARED_APPS}
    for model in apps.get_app_config(label).get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey | models.ManyToManyField) and field.related_model._meta.app_label != "accounts":
                target = field.related_model._meta.app_label
                everywhere = (shared & {"events", "audit"}) | {"auth"}  # guardian's rows point at permissions
                assert target in below or target in everywhere, f"{model.__name__}.{field.name} -> {target}"


def test_no_tenant_table_has_a_public_twin_but_the_shared_ones():
    """A tenant's search_path holds no `public`, so a missing table is an error; the shared apps are the only ones in both."""
    both = set(settings.SHARED_APPS) & set(settings.TENANT_APPS)

    assert {name for name in both if name.startswith(("shared_apps.", "tenant_apps."))} == {
        "shared_apps.accounts",
        "shared_apps.audit",
        "shared_apps.events",
    }
