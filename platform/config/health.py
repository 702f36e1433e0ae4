"""Is the process ready: the answer names every reason against it."""

import redis
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from kernel import redis as redis_client
from kernel import tenancy
from kernel.db.routing import connection_in_scope
from shared_apps.tenants.fingerprint import tenant_fingerprint


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this host can be served, otherwise 503 with the reasons. A missing Redis is named but does not stop the service."""
    reasons: list[str] = []
    notes: list[str] = []
    tenant = tenancy.current_scope().tenant
    try:
        with connection_in_scope().cursor() as cursor:
            cursor.execute("SELECT 1 FROM accounts_user LIMIT 1")
    except DatabaseError:
        reasons.append("database")
    if tenant is not None and tenant.fingerprint != tenant_fingerprint():
        notes.append("schema-behind")
    try:
        redis_client.client().ping()
    except redis.RedisError:
        notes.append("redis")
    status = 503 if reasons else 200
    return JsonResponse({"ready": not reasons, "reasons": reasons, "notes": notes}, status=status)
