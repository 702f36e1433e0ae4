"""What can be done with a whole tenant: export, import, clone, move, delete. docs/plan/tenant-life-cycle.md is the map."""

from shared_apps.tenants.lifecycle.deleting import delete_tenant, find_deletion
from shared_apps.tenants.lifecycle.exporting import export_tenant
from shared_apps.tenants.lifecycle.importing import clone_tenant, import_tenant
from shared_apps.tenants.lifecycle.journal import Reporter, Silence, settle
from shared_apps.tenants.lifecycle.moving import confirm_move, move_tenant, undo_move

__all__ = [
    "Reporter",
    "Silence",
    "clone_tenant",
    "confirm_move",
    "delete_tenant",
    "export_tenant",
    "find_deletion",
    "import_tenant",
    "move_tenant",
    "settle",
    "undo_move",
]
