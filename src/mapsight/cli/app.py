"""`mapsight`: parse, call, print. One line for a user's mistake, and exit status 2."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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
from mapsight.faults import explain_fault

_INTERRUPTED = 130  # what typer makes of Ctrl-C
_DEBUG = "--debug"
_GOES_ON = {  # what a command keeps of its work; the others keep nothing
    "audit": "goes on after the last whole epoch of its training",
    "chips": "cuts only the chips that are not there yet",
    "gather": "goes on after the last whole part",
    "predict": "goes on after the last whole band of rows",
    "train": "goes on after the last whole epoch",
}
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
    debug: Annotated[bool, typer.Option(_DEBUG, help="show the traceback of a fault")] = False,
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
    arguments = [word for word in sys.argv[1:] if word != _DEBUG]
    try:
        with _end_as_interrupted():
            app(args=arguments)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _stop(_say_interrupted(arguments), _INTERRUPTED)
        raise
    except KeyboardInterrupt:
        _stop(_say_interrupted(arguments), _INTERRUPTED)
    except MapsightError as error:
        _stop(f"error: {error}", 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _DEBUG in sys.argv:
            raise
        _stop(f"error: {explain_fault(error)}", 2)


@contextmanager
def _end_as_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does, save where they are ignored (nohup)."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_interrupted(arguments: list[str]) -> str:
    command = next((word for word in arguments if not word.startswith("-")), "")
    return f"interrupted; given again, the same command {_GOES_ON.get(command, 'starts afresh')}"


def _stop(line: str, status: int) -> None:
    print(line, file=sys.stderr)
    sys.exit(status)
