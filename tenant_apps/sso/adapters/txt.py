"""TXT records of a domain."""

from typing import Final

import dns.exception
import dns.resolver
from django.conf import settings

SECONDS: Final = 5.0


def txt_records(domain: str) -> list[str]:
    """The TXT records at the domain; none where it has none or nobody answers within five seconds."""
    resolver = dns.resolver.Resolver(configure=not settings.ATENDE_DNS_SERVER)
    if settings.ATENDE_DNS_SERVER:
        host, _, port = settings.ATENDE_DNS_SERVER.rpartition(":")
        resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
    resolver.timeout = resolver.lifetime = SECONDS
    try:
        found = resolver.resolve(f"{domain}.", "TXT", search=False)
    except dns.exception.DNSException:
        return []
    return [b"".join(record.strings).decode("ascii", "replace") for record in found]
