"""String foreign keys escape the import contracts: the models themselves are walked here."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

ROOT = Path(__file__).resolve().parents[3]
OWN = ("shared_apps.", "tenant_apps.")


def layers() -> list[set[str]]:
    """The order of the apps as the contracts in pyproject.toml have it, highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    order = []
    for plane in ("tenant-apps", "shared-apps"):
        contract = next(contract for contract in contracts if contract["id"] == plane)
        prefix = contract["containers"][0]
        order += [{f"{prefix}.{name.strip(' ()')}" for name in layer.split("|")} for layer in contract["layers"]]
    return order


def own_models() -> list[type[models.Model]]:
    """All models of ours, the hidden ones of many-to-many fields too."""
    return [model for model in apps.get_models(include_auto_created=True) if app_of(model).startswith(OWN)]


def app_of(model: type[models.Model]) -> str:
    return apps.get_app_config(model._meta.app_label).name


def wrong_directions(pairs: list[tuple[str, str]]) -> list[str]:
    """Pairs of apps whose first points at the second although it may not import it."""
    rank = {app: number for number, layer in enumerate(layers()) for app in layer}
    return [f"{source} -> {target}" for source, target in pairs if source != target and rank[source] >= rank[target]]


def pairs() -> list[tuple[str, str]]:
    found = []
    for model in own_models():
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            if field.is_relation and not field.auto_created and isinstance(target, type) and app_of(target).startswith(OWN):
                found.append((app_of(model), app_of(target)))
    return found


def test_relations_follow_the_order_of_the_apps():
    assert len(pairs()) > 20

    assert wrong_directions(pairs()) == []


def test_a_relation_against_the_order_would_be_seen():
    assert wrong_directions([("tenant_apps.contacts", "tenant_apps.tickets")]) == ["tenant_apps.contacts -> tenant_apps.tickets"]
    assert wrong_directions([("tenant_apps.contacts", "tenant_apps.organization")]) != []


def test_no_relation_crosses_between_public_and_tenant_schemas():
    only_public = set(settings.SHARED_APPS) - set(settings.TENANT_APPS)
    only_tenant = set(settings.TENANT_APPS) - set(settings.SHARED_APPS)
    in_both = set(settings.SHARED_APPS) & set(settings.TENANT_APPS)

    crossing = [
        f"{source} -> {target}"
        for source, target in pairs()
        if (source in only_public and target in only_tenant)
        or (source in only_tenant and target in only_public)
        or (source in in_both and target not in in_both)
    ]

    assert crossing == []


@pytest.mark.parametrize("model", own_models(), ids=lambda model: model._meta.label)
def test_models_have_no_default_ordering(model):
    assert not model._meta.ordering


@pytest.mark.parametrize("model", [model for model in own_models() if not model._meta.auto_created], ids=lambda model: model._meta.label)
def test_times_end_in_at_and_names_are_given(model):
    wrong = [
        field.name
        for field in model._meta.get_fields()
        if isinstance(field, models.DateTimeField)
        and field.name != "at"
        and not field.name.endswith(("_at", "_until", "_since", "last_login", "created", "expiry"))
    ]

    assert wrong == []
    assert all(index.name for index in model._meta.indexes)
    assert all(constraint.name for constraint in model._meta.constraints)


def test_a_tenant_stays_within_its_budget_of_tables_and_indexes(in_acme):
    from kernel.db.routing import connection_in_scope

    with connection_in_scope().cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [in_acme.schema])
        tables = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = %s", [in_acme.schema])
        indexes = cursor.fetchone()[0]

    assert 20 < tables <= 150
    assert 40 < indexes <= 600
