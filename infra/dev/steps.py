"""Steps of a start, each shown with its progress and its time."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True)
Tell = Callable[[str], None]


class Steps:
    """Counts and times the steps. On a terminal the running one is animated; in a file each is one line."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @contextlib.contextmanager
    def step(self, label: str) -> Iterator[Tell]:
        """Runs a step; the yielded function sets the words behind its label, the last ones stay."""
        started = time.monotonic()
        told = [""]
        if not console.is_terminal:
            yield lambda text: told.__setitem__(0, text)
        else:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("[dim]{task.fields[note]}"), TimeElapsedColumn())
            with Progress(*columns, console=console, transient=True) as progress:
                task = progress.add_task(label, total=None, note="")

                def tell(text: str) -> None:
                    told[0] = text
                    progress.update(task, note=text[:90])

                yield tell
        note = f"  [dim]{told[0]}[/dim]" if told[0] else ""
        console.print(f"[green]✔[/green] {label:<28} {time.monotonic() - started:5.1f} s{note}")

    @property
    def seconds(self) -> float:
        """The time since the first step began."""
        return time.monotonic() - self._started
