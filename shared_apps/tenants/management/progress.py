"""How the commands of the tenant's life cycle talk to a person: a bar with rate and remaining time, and problems as plain errors."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from kernel import tenancy
from kernel.problems import Problem, ValidationProblem
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from shared_apps.tenants.lifecycle.journal import Superseded
from shared_apps.tenants.models import Tenant


class RateColumn(ProgressColumn):
    """Rows, or whatever is counted, in a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class BarReporter:
    """Shows the running step, and how far it is where it has numbers."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)
        self._shown = ""

    def reached(self, point: str, done: int = 0, total: int = 0) -> None:
        """A new point gets a new bar."""
        if point.endswith(".done"):
            return
        if point != self._shown:
            self._shown = point
            self._progress.reset(self._task, description=point, total=total or None)
        self._progress.update(self._task, completed=done, total=total or None)


@contextlib.contextmanager
def reporting() -> Iterator[BarReporter]:
    """The reporter of a command, with its errors made readable. Ctrl-C is an error too: what can be undone has been by then."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with errors_as_text(), Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield BarReporter(progress)


@contextlib.contextmanager
def errors_as_text() -> Iterator[None]:
    """Turns problems into what manage.py prints."""
    try:
        yield
    except ValidationProblem as problem:
        lines = [f"{error.pointer.lstrip('/')}: {error.detail} ({error.code})" for error in problem.errors]
        raise CommandError("; ".join(lines)) from problem
    except Problem as problem:
        raise CommandError(problem.detail) from problem
    except Superseded as error:
        raise CommandError("Another run of the same operation has taken over") from error
    except KeyboardInterrupt as interrupt:
        raise CommandError("Interrupted; run the command again to go on or to start anew") from interrupt


def find_tenant(slug: str) -> Tenant:
    """The tenant, in whatever state. Raises CommandError."""
    with tenancy.public_scope():
        tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug}")
    return tenant


def add_slug(parser: Any) -> None:  # Any: argparse
    """The argument that names the tenant."""
    parser.add_argument("slug", help="slug of the tenant")
