"""How far a long job is, for whoever wants to see it: one bar with time to go, or a line now and
then where there is no terminal. Nothing is shown unless `show_progress` is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_LINE_EVERY_S = 20.0
T = TypeVar("T")
Advance = Callable[[int, str], None]

_shown: ContextVar[bool] = ContextVar("shown", default=False)


@contextmanager
def show_progress(wanted: bool = True) -> Iterator[None]:
    """Show on stderr how far jobs are, for as long as this is open; False: as it was before."""
    before = _shown.set(wanted or _shown.get())
    try:
        yield
    finally:
        _shown.reset(before)


def track(items: Iterable[T], title: str, *, total: int) -> Iterator[T]:
    """Yields the items, showing how far it is and how long it will take."""
    with open_progress(title, total=total) as advance:
        for item in items:
            yield item
            advance(1, "")


@contextmanager
def open_progress(title: str, *, total: int, done: int = 0) -> Iterator[Advance]:
    """A bar that is moved by `advance(steps, remark)`, from `done` on; plain lines where stderr is
    not a terminal; nothing where nobody asked for progress.
    """
    if not _shown.get():
        yield lambda steps, remark: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        yield from _open_bar(console, title, total, done)
    else:
        yield _make_line_writer(console, title, total, done)


def _open_bar(console: Console, title: str, total: int, done: int) -> Iterator[Advance]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("to go"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=done, remark="")
        yield lambda steps, remark: progress.update(task, advance=steps, remark=remark)


def _make_line_writer(console: Console, title: str, total: int, before: int) -> Advance:
    start = last = time.monotonic()
    done = before

    def advance(steps: int, remark: str) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            to_go_s = (now - start) / (done - before) * (total - done)
            line = f"{title}: {done}/{total}, {to_go_s:.0f} s to go {remark}".rstrip()
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return advance
