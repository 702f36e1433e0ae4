"""What can be done with connections, and by them."""

from tenant_apps.sso.services.attempts import (
    Arrival,
    address_for_test,
    arrive,
    count_try,
    depart,
    is_test_ticket,
    own_address,
    return_address,
)
from tenant_apps.sso.services.connections import (
    create_connection,
    delete_connection,
    set_state,
    update_connection,
)
from tenant_apps.sso.services.domains import add_domain, record_of, remove_domain, verify_domain
from tenant_apps.sso.services.enforcing import check_password_gate
from tenant_apps.sso.services.values import ConnectionValues

__all__ = [
    "Arrival",
    "ConnectionValues",
    "add_domain",
    "address_for_test",
    "arrive",
    "check_password_gate",
    "count_try",
    "create_connection",
    "delete_connection",
    "depart",
    "is_test_ticket",
    "own_address",
    "record_of",
    "remove_domain",
    "return_address",
    "set_state",
    "update_connection",
    "verify_domain",
]
