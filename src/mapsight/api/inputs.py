"""Image, map and model as people name them → values of the main job."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeGuard

import geopandas as gpd

from mapsight.api.files import PathLike
from mapsight.cnn.checkpoint import Model
from mapsight.errors import ModelError
from mapsight.geo.areas import read_area
from mapsight.geo.geobox import GeoBox
from mapsight.geo.network import RoadMap, read_map, write_lines
from mapsight.geo.raster import ImageReader, Raster
from mapsight.geo.source import WHOLE_BYTES_PER_PX, check_whole
from mapsight.geo.sources.sheets import SheetReader, open_images
from mapsight.roads.training.scenes import Hints
from mapsight.roads.training.shipped import read_model_or_default

ImageLike: TypeAlias = PathLike | Sequence[PathLike]
MapLike: TypeAlias = PathLike | gpd.GeoDataFrame
ModelLike: TypeAlias = PathLike | Model

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Inputs:
    """An image, the part of a map that lies in it, what reading them had to assume, and the sheets
    that the image was put together from; none where it is one file.
    """

    image: Raster
    roads: RoadMap
    notes: tuple[str, ...]
    sheets: tuple[Path, ...] = ()


def read_inputs(
    image: ImageLike,
    roads: MapLike,
    *,
    m_per_px: float | None = None,
    hints: Hints = Hints(),
    prefer: str = "sharpest",
    area: PathLike | None = None,
    bytes_per_px: float = WHOLE_BYTES_PER_PX,
) -> Inputs:
    """Read an image, or several sheets as one, at that resolution, and the map within it.

    Outside of an area of interest the image has no data, and the map no length. `bytes_per_px` is
    what the work on them will hold: InputError before reading where that does not fit the memory.
    """
    with open_images(
        list_paths(image), bands=hints.bands, crs=hints.crs, m_per_px=m_per_px, prefer=prefer
    ) as reader:
        check_whole(*reader.geobox.shape, list_paths(image)[0], bytes_per_px=bytes_per_px)
        seen, notes = reader.read_all(), reader.notes
        sheets = tuple(sheet.path for sheet in reader.sheets) if is_several(reader) else ()
    mapped = read_map_like(roads, seen.geobox, hints)
    if area is not None:
        seen, mapped = _keep_area(Path(area), seen, mapped)
    notes = (*notes, *(f"map: {note}" for note in mapped.reading.notes))
    for line in (*notes, str(mapped.overlap)):
        _log.info(line)
    return Inputs(seen, mapped, notes, sheets)


def _keep_area(path: Path, image: Raster, roads: RoadMap) -> tuple[Raster, RoadMap]:
    area = read_area(path, image.geobox)
    kept = Raster(image.array, image.transform, image.crs, image.valid & area.inside)
    km = area.measure_km(roads.lines.geometry.to_numpy())
    return kept, replace(roads, overlap=replace(roads.overlap, km_inside=km))


def list_paths(image: ImageLike) -> list[PathLike]:
    """One path or several, as a list."""
    return [image] if isinstance(image, str | os.PathLike) else list(image)


def is_several(reader: ImageReader | SheetReader) -> TypeGuard[SheetReader]:
    """Whether an image is put together from several files."""
    return isinstance(reader, SheetReader)


def read_map_like(roads: MapLike, box: GeoBox, hints: Hints) -> RoadMap:
    """A map within the box: of a file, or of a table of lines, which is read as its file would
    be.
    """
    if is_file(roads):
        return read_map(roads, box=box, crs=hints.map_crs, layer=hints.layer, choice=hints.roads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.gpkg"
        write_lines(path, roads, layer="roads")
        return read_map(path, box=box, crs=hints.map_crs, choice=hints.roads)


def is_file(roads: MapLike) -> TypeGuard[PathLike]:
    """A map is named by its file, not given as a table."""
    return not isinstance(roads, gpd.GeoDataFrame)


def read_chosen_model(model: ModelLike | None) -> Model:
    """A model that is given, that of a file, or the one that ships (None, 'shipped')."""
    if isinstance(model, Model):
        return model
    return read_model_or_default(None if model is None else str(model))


def read_start(model: ModelLike | None) -> Model | None:
    """The model an audit starts from: as `read_chosen_model` has it; none for 'none', and where
    nothing is asked for and none ships.
    """
    if isinstance(model, str) and model == "none":
        return None
    try:
        return read_chosen_model(model)
    except ModelError:
        if model is None:
            return None
        raise
