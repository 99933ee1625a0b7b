"""The report's pixels: windows of photograph and probability, read in blocks, as `data:`
addresses.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from PIL import Image

from mapsight.geo.geobox import Bounds, GeoBox

_BLOCK_PX = 2048  # most source pixels read at once along a side
_HEAT_LEVELS = 24


@dataclass(frozen=True, eq=False, kw_only=True)
class Backdrop:
    """Where the report's pictures come from: the grid, readers of it, and lines in its CRS.

    Both readers are asked only for bounds (left, bottom, right, top) on whole pixels inside `box`.
    The map's lines stand where they lie on the imagery, that is with the common shift taken out.
    """

    box: GeoBox
    read_crop: Callable[[Bounds], npt.NDArray[np.uint8]]  # (h, w, 3)
    read_probability: Callable[
        [Bounds], npt.NDArray[np.floating]
    ]  # (h, w) in [0, 1], NaN where unknown
    map_lines: gpd.GeoDataFrame
    predicted_lines: gpd.GeoDataFrame


class Frame(NamedTuple):
    """A rectangle of the scene in pixels, which may reach over its edges, and the view units of a
    pixel.
    """

    col: int
    row: int
    width: int
    height: int
    units_per_px: float


class _Span(NamedTuple):
    """A piece of one axis: source pixels [start, stop) that fill target pixels [to_start,
    to_stop).
    """

    start: int
    stop: int
    to_start: int
    to_stop: int


def frame_bounds(box: GeoBox, frame: Frame) -> Bounds:
    """(left, bottom, right, top) of the frame in the box's CRS."""
    return box.window(frame.row, frame.col, frame.height, frame.width).bounds


def read_photo(scene: Backdrop, frame: Frame, size: tuple[int, int]) -> Image.Image:
    """The frame as an RGB picture of `size` (width, height); grey where the frame leaves the
    scene.
    """
    canvas = Image.new("RGB", size, (128, 128, 128))
    for bounds, across, down in _blocks(scene.box, frame, size):
        pixels = np.ascontiguousarray(np.asarray(scene.read_crop(bounds))[..., :3], np.uint8)
        canvas.paste(
            _resize(Image.fromarray(pixels), across, down), (across.to_start, down.to_start)
        )
    return canvas


def read_heat(scene: Backdrop, frame: Frame, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The frame's probability as (height, width) in [0, 1]; 0 where it is unknown."""
    canvas = Image.new("F", size, 0.0)
    for bounds, across, down in _blocks(scene.box, frame, size):
        values = np.nan_to_num(np.asarray(scene.read_probability(bounds), np.float32))
        canvas.paste(
            _resize(Image.fromarray(values), across, down), (across.to_start, down.to_start)
        )
    return np.clip(np.asarray(canvas, np.float32), 0.0, 1.0)


def encode_jpeg(picture: Image.Image, most_bytes: int) -> str:
    """A JPEG `data:` address; the quality falls until the picture is small enough."""
    for quality in (84, 76, 66, 54, 40):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= most_bytes:
            break
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def encode_heat(probability: npt.NDArray[np.float32]) -> str:
    """A PNG `data:` address, transparent where the model sees nothing, yellow-green where it is
    sure.
    """
    levels = np.linspace(0.0, 1.0, _HEAT_LEVELS)
    colours = np.outer(1 - levels, (70, 120, 0)) + np.outer(levels, (232, 255, 92))
    opacity = np.where(levels < 0.06, 0, 40 + 190 * levels).astype(np.uint8)
    picture = Image.fromarray(np.round(probability * (_HEAT_LEVELS - 1)).astype(np.uint8), "P")
    picture.putpalette(colours.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=opacity.tobytes())
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _resize(picture: Image.Image, across: _Span, down: _Span) -> Image.Image:
    size = across.to_stop - across.to_start, down.to_stop - down.to_start
    smooth = Image.Resampling.BOX if size[0] < picture.width else Image.Resampling.BICUBIC
    return picture.resize(size, smooth)


def _blocks(
    box: GeoBox, frame: Frame, size: tuple[int, int]
) -> Iterator[tuple[Bounds, _Span, _Span]]:
    for down in _cut_axis(frame.row, frame.height, box.height, size[1]):
        for across in _cut_axis(frame.col, frame.width, box.width, size[0]):
            window = Frame(
                across.start, down.start, across.stop - across.start, down.stop - down.start, 1.0
            )
            yield frame_bounds(box, window), across, down


def _cut_axis(start: int, length: int, limit: int, target: int) -> list[_Span]:
    """Cut one axis of a frame into blocks, only where it lies inside the scene [0, limit)."""
    inside, end = max(start, 0), min(start + length, limit)
    scale = target / length
    first, last = round((inside - start) * scale), round((end - start) * scale)
    stops = [*range(first, last, max(1, math.floor(_BLOCK_PX * scale))), last]
    source = [inside, *(start + round(stop / scale) for stop in stops[1:-1]), end]
    spans = map(_Span, source, source[1:], stops, stops[1:])
    return [span for span in spans if span.stop > span.start and span.to_stop > span.to_start]
