"""All sources behind one door: which one is meant, and what is written about it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mapsight import __version__
from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.scaling import Scale
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.catalogue import StacSettings
from mapsight.geo.sources.folder import fetch_folder, list_images
from mapsight.geo.sources.http import Http
from mapsight.geo.sources.record import Gathered
from mapsight.geo.sources.spelling import spell_template
from mapsight.geo.sources.stac import fetch_stac
from mapsight.geo.sources.tiles import TileSettings, fetch_tiles

FORMAT = "mapsight-gather-1"
IMAGERY_FILES = ("image.tif",)
ROADS_FILES = ("map.gpkg", "mask.tif")


@dataclass(frozen=True)
class ImageryRequest:
    """Which imagery, and how: `source` is a template of a service, stac:URL, or a folder or
    file.
    """

    source: str
    m_per_px: float = 0.5
    attribution: str = ""
    tiles: TileSettings = TileSettings()
    stac: StacSettings = StacSettings("")
    bands: tuple[int, ...] | None = None
    scale: Scale | None = None


def fetch_imagery(area: Area, request: ImageryRequest, *, out: Path, http: Http) -> Gathered:
    """Write the imagery of an area to `out` as a cloud-optimised GeoTIFF on
    `area.choose_grid(m_per_px)`.
    """
    fetch = _IMAGERY[name_imagery(request.source)]
    return fetch(area, request, out, http)


def name_imagery(source: str) -> str:
    """'stac', 'tiles' (XYZ, WMS, static maps: whatever has placeholders) or 'folder'."""
    if source.startswith("stac:"):
        return "stac"
    text, _ = spell_template(source)
    if "{" in text:
        return "tiles"
    if re.search(r"request=getcapabilities", text, re.I):
        raise InputError(
            text[:80],
            "describes a service, and gives no picture",
            "give the address of GetMap with {bbox} {width} {height}",
        )
    if "://" in text:
        raise InputError(
            text[:80],
            "has no placeholders such as {z} {x} {y}, {q}, {bbox}",
            "give a template, or stac:URL for a catalogue",
        )
    return "folder"


def _fetch_tiles(area: Area, request: ImageryRequest, out: Path, http: Http) -> Gathered:
    settings = replace(request.tiles, attribution=request.attribution)
    return fetch_tiles(
        area, request.source, out=out, m_per_px=request.m_per_px, http=http, settings=settings
    )


def _fetch_stac(area: Area, request: ImageryRequest, out: Path, http: Http) -> Gathered:
    settings = replace(
        request.stac, attribution=request.attribution, bands=request.bands, scale=request.scale
    )
    if not settings.collection:
        raise InputError(
            request.source, "does not say which collection", "add --collection, such as naip"
        )
    catalogue = request.source.removeprefix("stac:")
    return fetch_stac(
        area, catalogue, out=out, m_per_px=request.m_per_px, http=http, settings=settings
    )


def _fetch_folder(area: Area, request: ImageryRequest, out: Path, http: Http) -> Gathered:
    return fetch_folder(
        area,
        request.source,
        out=out,
        m_per_px=request.m_per_px,
        bands=request.bands,
        scale=request.scale,
        attribution=request.attribution,
    )


_IMAGERY: dict[str, Callable[[Area, ImageryRequest, Path, Http], Gathered]] = {
    "tiles": _fetch_tiles,
    "stac": _fetch_stac,
    "folder": _fetch_folder,
}


def digest_request(area: Area, wanted: object, source: str) -> str:
    """One name for all that determines a result: the area, what is asked for it, and the state of
    local files.
    """
    said = {
        "area": area.bbox,
        "wanted": wanted,
        "files": _describe_files(Path(source)),
        "format": FORMAT,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _describe_files(source: Path) -> list[list[object]]:
    """Names, sizes and times of a source that is a file or a folder; nothing for services."""
    files = list_images(source) if source.is_dir() else [source] if source.is_file() else []
    states = [(file, file.stat()) for file in files]
    return [[str(file), state.st_size, state.st_mtime_ns] for file, state in states]


@dataclass(frozen=True)
class Record:
    """What gather.json tells: the imagery and the roads, each with the digest of its request and
    its files.
    """

    area: Area
    box: GeoBox
    imagery_request: str
    imagery: Gathered
    roads_request: str | None = None
    roads: dict[str, Any] | None = None


def write_record(path: Path, record: Record) -> None:
    """Write gather.json: what came from where, when, under which attribution, and what became of
    it.
    """
    area, box, folder = record.area, record.box, path.parent
    said = {
        "format": FORMAT,
        "mapsight": __version__,
        "area": {"bbox": list(area.bbox), "crs": "EPSG:4326", "km2": round(area.km2, 4)},
        "grid": {
            "crs": box.crs.to_string() if box.crs else None,
            "transform": list(box.transform)[:6],
            "width": box.width,
            "height": box.height,
            "m_per_px": box.m_per_px,
        },
        "imagery": asdict(record.imagery)
        | {
            "complete": record.imagery.complete,
            "request": record.imagery_request,
            "files": _digest_files(folder, IMAGERY_FILES),
        },
        "roads": record.roads
        and record.roads
        | {"request": record.roads_request, "files": _digest_files(folder, ROADS_FILES)},
    }
    with write_atomically(path) as temporary:
        temporary.write_text(
            json.dumps(said, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_part(path: Path, part: str, request: str) -> dict[str, Any] | None:
    """What a record says of its imagery or its roads, if they are of this very request and the
    files are as written.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        about = dict(said[part])
        files = about.pop("files").items()
        fits = (
            said["format"] == FORMAT
            and about.pop("request") == request
            and about.pop("complete", True) is True
        )
        return (
            about
            if fits and all(_is_same(path.with_name(Path(name).name), file) for name, file in files)
            else None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def read_gathered(path: Path, request: str) -> Gathered | None:
    """The record of complete imagery of this very request, whose file is as written; else None."""
    about = read_part(path, "imagery", request)
    try:
        return None if about is None else Gathered(**about | {"notes": tuple(about["notes"])})
    except (KeyError, TypeError):
        return None


def _digest_files(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    files = [folder / name for name in names]
    return {file.name: {"bytes": file.stat().st_size, "sha256": _digest(file)} for file in files}


def _is_same(file: Path, about: dict[str, Any]) -> bool:
    return (
        file.is_file()
        and file.stat().st_size == about["bytes"]
        and _digest(file) == about["sha256"]
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
