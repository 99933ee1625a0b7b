"""`mapsight`: parse, call, print. One line for a user's mistake, and exit status 2."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mapsight import __version__
from mapsight.cli import audit, doctor, export, lines, model, review, town
from mapsight.errors import MapsightError

_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="mapsight", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Looks at aerial imagery with a convolutional network and says where a road map is wrong.",
)  # fmt: skip

for noun in (audit, review, export, model, lines, town, doctor):
    for name, command in noun.COMMANDS.items():
        app.command(name)(command)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False) -> None:
    if version:
        typer.echo(f"mapsight {__version__}")
        raise typer.Exit


def main() -> None:
    """The console script."""
    try:
        app()
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _stop("interrupted; given again, the same command goes on where it can", _INTERRUPTED)
        raise
    except MapsightError as error:
        _stop(f"error: {error}", 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _stop(
            f"error: {error.filename or 'system'}: {error.strerror or error}; check path, permissions and free space", 2
        )
    except MemoryError:
        _stop("error: not enough memory; close other programs or use a smaller image", 2)


def _stop(line: str, status: int) -> None:
    print(line, file=sys.stderr)
    sys.exit(status)
