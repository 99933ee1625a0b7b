"""What a long job says while it runs: one bar with time to go, or a line now and then where there
is no terminal.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LINE_EVERY_S = 20.0
T = TypeVar("T")
Advance = Callable[[int, str], None]


def say(text: str) -> None:
    """One line to the person at the terminal (stderr: stdout is for results)."""
    print(text, file=sys.stderr, flush=True)


def track(items: Iterable[T], title: str, *, total: int) -> Iterator[T]:
    """Yields the items, showing how far it is and how long it will take."""
    with open_progress(title, total=total) as advance:
        for item in items:
            yield item
            advance(1, "")


@contextmanager
def open_progress(title: str, *, total: int, done: int = 0) -> Iterator[Advance]:
    """A bar that is moved by `advance(steps, remark)`, from `done` on; plain lines where stderr is
    not a terminal.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        yield from _open_bar(console, title, total, done)
    else:
        yield _make_line_writer(title, total, done)


def _open_bar(console: Console, title: str, total: int, done: int) -> Iterator[Advance]:
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


def _make_line_writer(title: str, total: int, before: int) -> Advance:
    start = last = time.monotonic()
    done = before

    def advance(steps: int, remark: str) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            to_go_s = (now - start) / (done - before) * (total - done)
            say(f"{title}: {done}/{total}, {to_go_s:.0f} s to go {remark}".rstrip())

    return advance
