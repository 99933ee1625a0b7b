"""How a function becomes a command, and what the shell is offered."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from mapsight.cli.app import app
from mapsight.cli.register import register

RUN = CliRunner()


def test_help_breaks_lines_only_between_paragraphs():
    """A sentence broken over two lines of a docstring is one sentence of the help."""

    def draw() -> None:
        """Draw a town and
        its map.

        Nothing else.
        """

    own = typer.Typer(rich_markup_mode=None)
    register(own, "draw", draw)
    register(own, "other", lambda: None)
    text = RUN.invoke(own, ["draw", "--help"]).output
    assert "Draw a town and its map.\n" in text
    assert "Nothing else." in text


def test_completion_can_be_installed():
    """The shell's completion is offered, as people know it from other programs."""
    text = RUN.invoke(app, ["--help"]).output
    assert "--install-completion" in text
    assert "--show-completion" in text
