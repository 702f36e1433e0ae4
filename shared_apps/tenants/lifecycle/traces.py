"""Looking for what is left of a tenant: in every cluster's catalogue, the registry, the stored files and Redis."""

import itertools
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from kernel import redis, storage, tenancy
from kernel.db.owner import owner_connection
from kernel.db.routing import clusters

from shared_apps.tenants.models import ChannelRoute, Domain, DueTenant, Spare, Tenant

_IN_CATALOGUE: Final = """
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = %(name)s
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname = %(name)s
UNION ALL SELECT 'rights on database ' || datname FROM pg_database
  WHERE datname = current_database() AND datacl::text LIKE '%%' || %(name)s || '%%'"""


def find_traces(*, tenant_id: uuid.UUID, schema: str, slug: str) -> dict[str, list[str]]:
    """What was found, by store; every list is empty once the tenant is gone."""
    return {
        "catalogues": _in_catalogues(schema),
        "registry": _in_registry(tenant_id, schema, slug),
        "files": list(storage.keys_of(tenant_id))[:100],
        "redis": redis_keys(tenant_id, schema),
    }


def redis_keys(tenant_id: uuid.UUID, schema: str) -> list[str]:
    """Keys whose name holds the tenant's id or schema, and keys with a plain value that does. Queued tasks hold ids only and are left
    to the workers, which drop those of a tenant that is gone."""
    client, marks = redis.client(), (str(tenant_id), schema)
    found = {key for mark in marks for key in client.scan_iter(match=f"*{mark}*", count=1000)}
    for keys in _batches(client.scan_iter(_type="string", count=1000)):
        values = zip(keys, client.mget(keys), strict=True)
        found |= {key for key, value in values if value and any(mark.encode() in value for mark in marks)}
    return sorted(key.decode("utf-8", "replace") for key in found)


def remove_redis_keys(tenant_id: uuid.UUID, schema: str) -> int:
    """Deletes them. Returns how many there were."""
    keys = redis_keys(tenant_id, schema)
    if keys:
        redis.client().delete(*keys)
    return len(keys)


def _batches(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    waiting = iter(keys)
    while batch := list(itertools.islice(waiting, 200)):
        yield batch


def _in_catalogues(schema: str) -> list[str]:
    found = []
    for cluster in clusters():
        with owner_connection(cluster) as connection:
            rows = connection.execute(_IN_CATALOGUE, {"name": schema}).fetchall()
        found += [f"{cluster}: {what}" for (what,) in rows]
    return found


def _in_registry(tenant_id: uuid.UUID, schema: str, slug: str) -> list[str]:
    """Rows that lead to the tenant.

    Events, audit entries and their anchors, operations and retired names stay: they say that it was, not what it had.
    """
    with tenancy.public_scope():
        counts = {
            "tenants": Tenant.objects.filter(public_id=tenant_id).count() + Tenant.objects.filter(slug=slug).count(),
            "domains": Domain.objects.filter(tenant__public_id=tenant_id).count(),
            "channel routes": ChannelRoute.objects.filter(tenant__public_id=tenant_id).count(),
            "due work": DueTenant.objects.filter(tenant__public_id=tenant_id).count(),
            "spares": Spare.objects.filter(schema_name=schema).count(),
        }
    return [f"{count} {name}" for name, count in counts.items() if count]
