"""Both APIs in one map: for the published document and the Postman collection."""

from config.urls import platform_api, tenant_api

urlpatterns = [*tenant_api.urlpatterns, *platform_api.urlpatterns]
