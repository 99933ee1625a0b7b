"""Options that several commands share, spelt once."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsight.api.files import make_dir as make_dir
from mapsight.api.files import make_place as make_place
from mapsight.atomic import lock_folder, write_atomically
from mapsight.errors import InputError, MapsightError

if TYPE_CHECKING:
    from mapsight.cnn.compute import Compute
    from mapsight.geo.maps.classes import RoadChoice

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Arithmetic = Annotated[
    str, typer.Option("--compute", help="arithmetic of the net: auto, fp32 or bf16")
]
Runtime = Annotated[str, typer.Option(help="program that runs the net: torch, onnx or openvino")]
ImageCrs = Annotated[
    str | None, typer.Option("--crs", help="CRS of an image that states none, as EPSG:<number>")
]
MapCrs = Annotated[str | None, typer.Option(help="CRS of a map that states none, as EPSG:<number>")]
Layer = Annotated[str | None, typer.Option(help="layer of a map file that has several")]
RoadColumn = Annotated[
    str | None,
    typer.Option(
        help="column of the map that says what a way is; none: every line is a road",
        rich_help_panel="Map",
    ),
]
RoadValues = Annotated[
    list[str] | None,
    typer.Option(
        help="values of that column which are roads, and no others; with commas, or repeated",
        rich_help_panel="Map",
    ),
]
Bands = Annotated[str | None, typer.Option(help="which bands are red, green, blue, as 1,2,3")]
OutDir = Annotated[Path, typer.Option("--out", help="folder for the results; made if needed")]
Seed = Annotated[int, typer.Option(help="equal seeds give equal results")]


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """'1,2,3' → (1, 2, 3)."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--bands {text}", "expected numbers", "write it as 1,2,3") from None


def parse_choice(column: str | None, values: list[str] | None) -> RoadChoice:
    """What the user says of a map's columns."""
    from mapsight.geo.maps import classes

    return classes.parse_choice(column, values or ())


def name_command() -> str:
    """The command that is running, as a shell would repeat it."""
    return shlex.join(["mapsight", *sys.argv[1:]])


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Whole or not at all; `-` is standard output."""
    text = json.dumps(data, indent=2, allow_nan=False) + "\n"
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    make_place(path)
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def find_named_compute(device: str, arithmetic: str) -> Compute:
    """Device and precision by name (loads torch)."""

    from mapsight.cnn.compute import find_compute

    return find_compute(device, arithmetic)


def hold_dir(context: typer.Context, path: Path) -> Path:
    """The folder, made if needed, and held by this command until its end.

    InputError where another mapsight writes into it.
    """
    folder = make_dir(path)
    context.with_resource(lock_folder(folder))
    return folder


def load_web() -> None:
    """MapsightError, with the command that mends it, where what serves pages is not installed."""
    for name in ("fastapi", "uvicorn", "rio_tiler"):
        if importlib.util.find_spec(name) is None:
            raise MapsightError(
                name, "pages need it, and it is not installed", "pip install 'mapsight[web]'"
            )
