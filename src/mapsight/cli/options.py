"""Options that several commands share, spelt once."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsight.atomic import check_target, write_atomically
from mapsight.errors import InputError, MapsightError

if TYPE_CHECKING:
    from mapsight.cnn.compute import Compute
    from mapsight.geo.maps.classes import RoadChoice

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Arithmetic = Annotated[
    str, typer.Option("--compute", help="arithmetic of the net: auto, fp32 or bf16")
]
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
    """What the user says of a map's columns; a value with a comma counts whole and in parts."""
    from mapsight.geo.maps.classes import RoadChoice

    parts = [part.strip() for text in values or () for part in (text, *text.split(","))]
    known = tuple(dict.fromkeys(part for part in parts if part))
    if column is not None and not column.strip():
        raise InputError("--road-column", "names no column", "give one, or none")
    if values and not known:
        raise InputError("--road-values", "names no value", "write for example primary,residential")
    if known and column is not None and column.strip().lower() == "none":
        raise InputError(
            "--road-values", "every line is a road with --road-column none", "leave one of them out"
        )
    return RoadChoice(column, known)


def make_dir(path: Path) -> Path:
    """The folder, made if needed; InputError where a file stands in its place."""
    if path.exists() and not path.is_dir():
        raise InputError(path, "is a file", "give a folder")
    path.mkdir(parents=True, exist_ok=True)
    return path


def make_place(path: Path) -> Path:
    """The path of a file that can be written, its folder made if needed: asked before work begins.

    InputError where the name is that of a folder, a device or a pipe.
    """
    make_dir(path.parent)
    check_target(path)
    return path


def name_beside(path: Path, folder: Path) -> str:
    """The path of a file as seen from a folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return str(path.absolute())


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


def load_web() -> None:
    """MapsightError, with the command that mends it, where what serves pages is not installed."""
    for name in ("fastapi", "uvicorn", "rio_tiler"):
        if importlib.util.find_spec(name) is None:
            raise MapsightError(
                name, "pages need it, and it is not installed", "pip install 'mapsight[web]'"
            )
