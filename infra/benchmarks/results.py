"""What a run found, against what we aim at: a table for people, JSON for the next comparison."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.dev.folders import ROOT

FOLDER = ROOT / "docs" / "reference" / "benchmarks"
Found = dict[str, Any]  # Any: JSON


@dataclasses.dataclass(frozen=True)
class Row:
    """One aim: what was measured here, what there, what counts, and whether it is reached."""

    name: str
    ours: str
    theirs: str
    figure: str
    aim: str
    is_reached: bool | None


def read(path: Path) -> Found:
    """A JSON file."""
    found: Found = json.loads(path.read_text(encoding="utf-8"))
    return found


def rows(found: Found) -> list[Row]:
    """The aims in their order."""
    stock, count = found["stock"], found["tenants"]
    created = sorted(stock["create_seconds"])[len(stock["create_seconds"]) // 2]
    spare, sign_up = (found["new_tenant"][name]["p50_ms"] / 1000 for name in ("spare", "claim_and_set_up"))
    claim = found["new_tenant"]["claim"]["p50_ms"]
    ours, theirs = found["no_op_deploy"]["command_seconds"], extrapolated(stock["no_op"], stock["tenants"], count)
    requests, memory, deploy = found["requests"], found["backend_memory"], found["two_migrations"]
    real = stock["two_migrations"]["one_tenant_seconds"] + per_tenant(stock["two_migrations"], stock["tenants"]) * (count - 1)
    return [
        Row(
            "new tenant as a sign-up waits for it (claim and set-up)",
            f"{sign_up * 1000:.0f} ms",
            f"{created:.2f} s",
            f"1/{created / sign_up:.0f}",
            "1/20 or less",
            sign_up <= created / 20,
        ),
        Row("new schema, built ahead as a spare", f"{spare * 1000:.0f} ms", f"{created:.2f} s", f"1/{created / spare:.0f}", "", None),
        Row("claim of a spare", f"{claim:.1f} ms", "", f"{claim:.1f} ms", "below 50 ms", claim < 50),
        Row(
            f"deploy that changes nothing, {count} tenants",
            f"{ours:.2f} s",
            f"{theirs:.0f} s (extrapolated)",
            f"1/{theirs / ours:.0f}",
            "1/50 or less",
            ours <= theirs / 50,
        ),
        Row(
            f"deploy with two migrations, {deploy['tenants']} tenants",
            f"{deploy['command_seconds']:.0f} s",
            f"{real:.0f} s (extrapolated)",
            f"1/{real / deploy['command_seconds']:.0f}",
            "",
            None,
        ),
        *_request_rows(requests),
        Row(
            f"backend memory while {count} tenants are served, connections replaced",
            f"{memory['replaced_mb']:.0f} MB",
            f"{memory['kept_mb']:.0f} MB when kept",
            f"{memory['replaced_mb']:.0f} MB",
            "150 MB or less",
            memory["replaced_mb"] <= 150,
        ),
        _export_row(found["export"]),
    ]


def _request_rows(requests: Found) -> list[Row]:
    aims: tuple[tuple[str, str, str, bool | None], ...] = (
        ("first", "request over random tenants, half of them new to the connection", "", None),
        ("later", "request over random tenants, each served before", "1.3 or less", requests["later"]["ratio"] <= 1.3),
    )
    return [
        Row(
            words,
            f"{requests[name]['random']['p50_ms']:.1f} ms",
            f"{requests[name]['one']['p50_ms']:.1f} ms in one",
            f"{requests[name]['ratio']:.2f}",
            aim,
            is_reached,
        )
        for name, words, aim, is_reached in aims
    ]


def _export_row(export: Found) -> Row:
    seconds = export["seconds"]
    return Row("export of one tenant", f"{seconds:.2f} s", "", f"{seconds:.2f} s", "below 2 s", seconds < 2)


def per_tenant(figures: Found, tenants: int) -> float:
    """What a further tenant costs: all of them against the first alone."""
    if "all_seconds" in figures:
        return (figures["all_seconds"] - figures["one_tenant_seconds"]) / max(1, tenants - 1)
    return figures["other_tenants_seconds"] / max(1, tenants)  # the start of the process included, and one tenant that has nothing to do


def extrapolated(figures: Found, tenants: int, count: int) -> float:
    """Seconds for `count` tenants, in a straight line from what was measured with a few."""
    return figures["one_tenant_seconds"] + per_tenant(figures, tenants) * (count - 1)


def show(found: Found) -> None:
    """Prints the table."""
    table = Table("what", "here", "stock or base", "figure", "aim", "reached")
    for row in rows(found):
        table.add_row(row.name, row.ours, row.theirs, row.figure, row.aim, {True: "yes", False: "NO", None: ""}[row.is_reached])
    Console().print(table)


def write(found: Found) -> None:
    """Writes tenants.json and tenants.md."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "tenants.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "tenants.md").write_text(page(found), encoding="utf-8")


def page(found: Found) -> str:
    """The reference page."""
    machine, stock, database = found["machine"], found["stock"], found["database"]
    words = {True: "yes", False: "**no**", None: ""}
    table = [f"| {row.name} | {row.ours} | {row.theirs} | {row.figure} | {row.aim} | {words[row.is_reached]} |" for row in rows(found)]
    return f"""# Many tenants

Written by `python -m infra.benchmarks.tenants --tenants {found["tenants"]}`; all figures are in [tenants.json](tenants.json). Read ratios
rather than times.

| what | here | stock or base | figure | aim | reached |
| --- | --- | --- | --- | --- | --- |
{chr(10).join(table)}

- Machine: {machine["cores"]} cores, Python {machine["python"]}, load {machine["load_at_start"]:.1f} when the run began and
  {machine["load_at_end"]:.1f} (15 minutes) when it ended: above the number of cores, times say little. One PostgreSQL, fsync off,
  on loopback.
- After the run the database held {database["megabytes"]} MB and {database["pg_class_rows"]} rows in `pg_class`.
- Stock is django-tenants over the same apps with {stock["tenants"]} tenants in an empty database; its deploys over {found["tenants"]}
  tenants are extrapolated in a straight line, which flatters it, since introspection grows with the number of schemas.
- Requests are the agent's ticket list, in process through Django's handler (no web server), 1,000 of each kind, one tenant and random
  ones in turns of 50.
- Backend memory is RssAnon of the largest PostgreSQL process while an agent's reads (tickets, contacts, inboxes, teams, events)
  went through every tenant in turn; connections are replaced at {found["backend_memory"]["bound_mb"]} MB
  (`ATENDE_DB_CONNECTION_MEMORY_MB`).
- A tenant's first request on a connection reads the catalogue and takes longer; a connection lives ten minutes at most.
- The export is one of a tenant with {found["export"]["tickets"]} tickets ({found["export"]["kilobytes"]} kB); the start of the
  command's process is not counted.
"""
