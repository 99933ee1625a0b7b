"""A function as a command: its docstring is the help, wherever its lines were broken."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import typer


def register(app: typer.Typer, name: str, command: Callable[..., None]) -> None:
    """Adds a command to an app.

    Parameters
    ----------
    app
        The group that the command belongs to.
    name
        What a user types.
    command
        Its docstring becomes the help. A line break there stays only between paragraphs, because
        the terminal breaks lines anew.
    """
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    app.command(name, help="\n\n".join(" ".join(text.split()) for text in paragraphs))(command)
