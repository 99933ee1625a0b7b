"""`mapsight doctor`: what is installed, which devices there are, what is missing, and what the
extras are for.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata

import typer
from rich.console import Console
from rich.table import Table

from mapsight import __version__

_CORE = (
    "torch",
    "numpy",
    "scipy",
    "rasterio",
    "pyogrio",
    "geopandas",
    "shapely",
    "pyproj",
    "osmium",
    "scikit-image",
    "scikit-learn",
    "networkx",
    "matplotlib",
    "pillow",
    "jinja2",
    "safetensors",
    "typer",
    "rich",
)
_EXTRAS = {  # extra → its distributions, and who needs them
    "web": (("fastapi", "uvicorn", "rio-tiler"), "mapsight review, mapsight lab"),
    "gather": (("httpx2", "tenacity", "pystac-client", "morecantile"), "mapsight gather"),
    "export": (
        ("onnx", "onnxscript", "onnxruntime", "pyarrow"),
        "mapsight export --to onnx and geoparquet",
    ),
    "zoo": (("pooch",), "mapsight zoo run --download"),
}


def doctor() -> None:
    """Print what is installed, which devices were found, what is missing, and what the extras are
    for.
    """
    table = Table("part", "found", "remark", title=f"mapsight {__version__}")
    missing = 0
    table.add_row("python", platform.python_version(), sys.executable)
    table.add_row("machine", f"{os.cpu_count()} cores", f"{platform.system()} {platform.machine()}")
    for name in _CORE:
        version = _find_version(name)
        missing += version is None
        table.add_row(name, version or "missing", "" if version else f"pip install {name}")
    for row in (*_list_gdal(), *_list_devices(), *_list_extras(), *_list_models(), _show_disk()):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if missing:
        typer.echo(f"{missing} part(s) missing: pip install mapsight again", err=True)
        raise typer.Exit(1)


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _list_gdal() -> list[tuple[str, str, str]]:
    import pyogrio
    import rasterio

    return [
        ("GDAL", rasterio.__gdal_version__, "inside rasterio"),
        ("GDAL", pyogrio.__gdal_version_string__, "inside pyogrio"),
    ]


def _list_devices() -> list[tuple[str, str, str]]:
    import torch

    from mapsight.cnn.compute import find_compute

    compute = find_compute()
    rows = [("device in use", str(compute), "--device and --compute choose another")]
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    rows.append(("CUDA", f"{cuda} device(s)" if cuda else "none", "" if cuda else "not needed"))
    return rows


def _list_extras() -> list[tuple[str, str, str]]:
    rows = []
    for extra, (names, use) in _EXTRAS.items():
        missing = [name for name in names if _find_version(name) is None]
        remark = f"pip install 'mapsight[{extra}]': for {use}" if missing else f"for {use}"
        rows.append(
            (f"extra: {extra}", f"without {', '.join(missing)}" if missing else "complete", remark)
        )
    return rows


def _list_models() -> list[tuple[str, str, str]]:
    from mapsight.cnn.shipped import ANYWHERE, NAMES, ROADS, read_shipped
    from mapsight.errors import MapsightError

    rows = []
    for name in (name for name, file in NAMES.items() if file in (ROADS, ANYWHERE)):
        try:
            card = read_shipped(NAMES[name]).card
        except MapsightError as error:
            rows.append((f"model '{name}'", "none", str(error)))
            continue
        rows.append((f"model '{name}'", f"{card.net}, {card.m_per_px:g} m/px", card.trained_on))
    return rows


def _show_disk() -> tuple[str, str, str]:
    free = shutil.disk_usage(os.getcwd()).free / 1e9
    return "free disk here", f"{free:.0f} GB", "" if free > 1 else "little: results may not fit"


COMMANDS = {"doctor": doctor}
