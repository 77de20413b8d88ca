"""A bar to watch, for work that takes long enough to wonder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console

AFTER_S = 2.0
"""What is done by then needs no bar."""


@contextmanager
def bar(
    title: str, total: int, console: Console, clock: Callable[[], float] = monotonic
) -> Iterator[Callable[[int], object]]:
    """A progress bar with rate and time left; call what it yields with the rows done so far."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Rows a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f} rows/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    progress, begun = Progress(*columns, console=console), clock()
    task = progress.add_task(title, total=total)

    def advance(done: int) -> None:
        if not progress.live.is_started and clock() - begun >= AFTER_S:
            progress.start()
        progress.update(task, completed=done)

    try:
        yield advance
        progress.update(task, total=progress.tasks[0].completed)
    finally:
        if progress.live.is_started:
            progress.stop()
