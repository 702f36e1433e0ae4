"""Both APIs in one map: for the published document and the Postman collection.

Operators have the routes of one's own log-in under their own root as well; the document names them once.
"""

from django.urls import include, path
from shared_apps.tenants.urls import urlpatterns as tenants

from config.urls import tenant_api

urlpatterns = [*tenant_api.urlpatterns, path("api/platform/v1/", include(tenants))]
