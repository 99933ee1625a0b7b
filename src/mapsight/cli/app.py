"""`mapsight`: parse, call, print. One line for a user's mistake, and exit status 2."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from mapsight import __version__
from mapsight.cli import (
    audit,
    chips,
    doctor,
    export,
    gather,
    lab,
    lines,
    mapmask,
    model,
    review,
    see,
    town,
    zoo,
)
from mapsight.cli.console import speak
from mapsight.cli.register import register
from mapsight.errors import MapsightError

_INTERRUPTED = 130  # what typer makes of Ctrl-C
_EXPECTED = (
    "Dataset has no geotransform",
    "The given matrix is equal to Affine.identity",
    "'crs' was not provided",
)

app = typer.Typer(
    name="mapsight",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Looks at aerial imagery with a convolutional network and says where a road map is wrong.",
)

for noun in (gather, mapmask, audit, review, export, model, chips, lines, see, town, doctor):
    for name, command in noun.COMMANDS.items():
        register(app, name, command)
app.add_typer(lab.app, name="lab")
app.add_typer(zoo.app, name="zoo")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and exit")] = False,
) -> None:
    if version:
        typer.echo(f"mapsight {__version__}")
        raise typer.Exit
    context.with_resource(speak())


def main() -> None:
    """The console script."""
    for start in (
        _EXPECTED
    ):  # rasterio and pyogrio on images without a place: the commands say so themselves
        warnings.filterwarnings("ignore", start)
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
            f"error: {error.filename or 'system'}: {error.strerror or error}; check path,"
            " permissions and free space",
            2,
        )
    except MemoryError:
        _stop("error: not enough memory; close other programs or use a smaller image", 2)


def _stop(line: str, status: int) -> None:
    print(line, file=sys.stderr)
    sys.exit(status)
