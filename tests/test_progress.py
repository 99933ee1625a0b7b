"""The library is silent unless somebody asks: progress and log lines alike."""

from __future__ import annotations

import logging

from mapsight import progress
from mapsight.cli.console import speak
from mapsight.progress import show_progress, track


def count_to(steps: int) -> None:
    assert list(track(range(steps), "count", total=steps)) == list(range(steps))


def test_progress_is_shown_when_asked(capsys, monkeypatch):
    """Nothing by default; lines where stderr is no terminal; nothing again afterwards."""
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.0)
    count_to(2)
    assert capsys.readouterr() == ("", "")
    with show_progress():
        count_to(2)
        with show_progress(False):  # who asked first still wants it
            count_to(3)
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines() == [
        f"count: {n}/{total}, 0 s to go" for total in (2, 3) for n in range(1, total + 1)
    ]
    count_to(2)
    with show_progress(False):
        count_to(2)
    assert capsys.readouterr() == ("", "")


def test_log_lines_are_shown_by_commands_only(capsys):
    """`speak` shows what the library logs, and leaves the logger as it was."""
    logger = logging.getLogger("mapsight.roads")
    logger.info("unheard")
    with speak():
        logger.info("100 % of it")
        logger.debug("too much")
    logger.info("unheard")
    assert capsys.readouterr() == ("", "100 % of it\n")
    assert logging.getLogger("mapsight").level == logging.NOTSET
