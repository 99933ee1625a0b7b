"""What the terminal shows: what the library logs, and how far a job is. Results go to stdout, all
of this to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mapsight.progress import show_progress


def say(text: str) -> None:
    """One line to the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def speak() -> Iterator[None]:
    """Show what the library logs and its progress, for as long as this is open."""
    logger, shown = logging.getLogger("mapsight"), _Lines()
    before = logger.level
    logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    try:
        with show_progress():
            yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(shown)


class _Lines(logging.Handler):
    """A line a record, on whatever is stderr at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
