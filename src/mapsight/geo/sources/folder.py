"""Imagery of one's own: a folder of GeoTIFFs, or one of them, in any mixture of CRSs and
resolutions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rasterio.io import DatasetReader

from mapsight.errors import InputError, OverlapError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.placing import ground_resolution, locate, outline_bounds
from mapsight.geo.scaling import Scale
from mapsight.geo.source import open_source
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.mosaic import write_mosaic
from mapsight.geo.sources.pictures import Picture, PictureReader
from mapsight.geo.sources.record import Gathered, describe_summary

SUFFIXES = (".tif", ".tiff", ".jp2", ".j2k", ".png", ".jpg", ".jpeg")
_MAX_FILES = 20_000


def fetch_folder(
    area: Area,
    folder: str | os.PathLike[str],
    *,
    out: Path,
    m_per_px: float,
    bands: Sequence[int] | None = None,
    scale: Scale | None = None,
    attribution: str = "",
) -> Gathered:
    """Write the part of a folder's images that lies in the area to `out`, finer ones over coarser
    ones.

    Files without a place on earth are left out and counted. Raises InputError for a damaged file or
    a folder without images, OverlapError where none of them lies in the area.
    """
    box, root = area.choose_grid(m_per_px), Path(folder)
    pictures, skipped, terms = _survey(list_images(root), box)
    if not pictures:
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise OverlapError(
            root, f"no image of it lies in the area ({reasons})", "check --bbox: W S E N in degrees"
        )
    request = {"files": _fingerprint(pictures), "box": str(box), "bands": bands, "scale": scale}
    credit = attribution or "; ".join(sorted(terms))
    with PictureReader(pictures, box, bands=bands, scale=scale) as reader:
        summary = write_mosaic(
            out,
            box,
            reader.read,
            request=request,
            title="putting images together",
            attribution=credit,
        )
        chosen = reader.scale
    notes = [
        f"{count} files left out: {reason}"
        for reason, count in skipped.items()
        if reason != "elsewhere"
    ]
    if chosen:
        notes.append(f"{chosen[0]:g}–{chosen[1]:g} of the files became 0–255")
    return Gathered(
        kind="folder",
        source=str(root),
        attribution=credit,
        fetched=len(pictures),
        share_valid=summary.share_valid,
        notes=tuple(notes),
        details={
            "files": [os.path.relpath(picture.name, root) for picture in pictures],
            **describe_summary(summary),
        },
    )


def list_images(root: Path) -> list[Path]:
    """The image files of a folder and those below it, or the one file; links that lead elsewhere
    are not followed.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise InputError(
            root, "there is no such folder", "give a folder of GeoTIFFs, or a template of a service"
        )
    found = sorted(_walk(root))
    if not found:
        raise InputError(
            root, "holds no images", f"expected files that end in {', '.join(SUFFIXES)}"
        )
    if len(found) > _MAX_FILES:
        raise InputError(
            root, f"holds more than {_MAX_FILES} images", "give a folder of the region"
        )
    return found


def _walk(root: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)


def _survey(paths: list[Path], box: GeoBox) -> tuple[list[Picture], dict[str, int], set[str]]:
    """Pictures in the area, finest first; why others are left out; what files say of their
    copyright.
    """
    assert box.crs is not None
    found: list[tuple[float, Picture]] = []
    skipped: dict[str, int] = {}
    terms: set[str] = set()
    left, bottom, right, top = box.bounds
    for path in paths:
        with open_source(path) as source:
            if not _is_placed(source):
                skipped["no georeference"] = skipped.get("no georeference", 0) + 1
                continue
            own = locate(source)
            bounds = outline_bounds(own, box.crs)
            if bounds[0] >= right or bounds[2] <= left or bounds[1] >= top or bounds[3] <= bottom:
                skipped["elsewhere"] = skipped.get("elsewhere", 0) + 1
                continue
            metres = round(ground_resolution(own, box.crs), 3)
            found.append((metres, Picture(str(path), partial(open_source, path), bounds)))
            terms |= {source.tags().get("TIFFTAG_COPYRIGHT", "").strip()[:200]} - {""}
    found.sort(key=lambda entry: (entry[0], entry[1].name))
    return [picture for _, picture in found], skipped, terms


def _is_placed(source: DatasetReader) -> bool:
    return source.crs is not None and not source.transform.is_identity


def _fingerprint(pictures: list[Picture]) -> list[list[object]]:
    """Names, sizes and times: a changed file makes another image."""
    states = [(picture.name, os.stat(picture.name)) for picture in pictures]
    return [[name, state.st_size, state.st_mtime_ns] for name, state in states]
