"""A rendered map → the mask of its roads, by their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle

from mapsight.errors import InputError
from mapsight.geo.skeleton import measure_inside
from mapsight.geo.sources.mend import Mask, fill_hidden, join_dashes
from mapsight.geo.sources.palette import (
    ByteImage,
    count_colours,
    explain_pixels,
    find_areas,
    make_palette,
    to_hex,
)

MAX_PX = 36_000_000
_STRIP_PX, _MARGIN_PX = 512, 32
_DRAWN_SHARE = 0.45
_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class RenderedSettings:
    """How a rendered map is read; lengths in its pixels."""

    halo_px: int = 2  # how far the halo and the soft edge of a label reach from its ink
    label_px: int = 96  # the longest stretch of road that a label or an icon hides
    dash_px: float = 10.0  # the widest gap between two dashes
    min_length_px: float = 14.0  # shorter pieces are no roads
    thread_px: float = (
        40.0  # shorter threads, a pixel or two wide, are no roads where their colour has wide ones
    )
    max_width_px: float = 60.0  # wider areas in the colour of a road are squares and yards
    inpaint: bool = True


def find_roads(
    image: ByteImage,
    colours: Sequence[tuple[int, int, int]],
    settings: RenderedSettings | None = None,
) -> Mask:
    """The roads (H, W) of a rendered map (H, W, 3) that draws them in `colours` (RGB 0–255).

    Pixels are unmixed in CIELAB: one is road if at least half of it is, which is where an
    anti-aliased edge lies. What no mixture of the map's colours explains is drawn over it (letters,
    icons); there the road is inferred from where it goes in and comes out. The mask shows roads
    without their casings unless the casing's colour is given too. Raises InputError where the
    colours or the image cannot be used.
    """
    chosen = settings or RenderedSettings()
    if not colours:
        raise InputError(
            "no colour",
            "which colours are roads is not known",
            f"choose from {list_colours(image)}",
        )
    if image.shape[0] * image.shape[1] > MAX_PX:
        raise InputError(
            f"{image.shape[1]} × {image.shape[0]} px",
            "are too many at once",
            "cut the map into parts",
        )
    noisy = is_noisy(image)
    image = calm_image(image) if noisy and chosen.inpaint else image
    codes = count_colours(image)
    palette = make_palette(image, codes, list(colours))
    explained = explain_pixels(palette, codes)
    road = (
        ndimage.gaussian_filter(explained.road, 0.5) if noisy and chosen.inpaint else explained.road
    ) >= 0.5
    if not chosen.inpaint:
        return road & ~explained.strange
    hidden = ndimage.binary_dilation(
        _drop_specks(explained.strange, 3), _EIGHT, iterations=chosen.halo_px + noisy
    )
    road = _drop_threads(road, palette.wide[explained.which], hidden, chosen.thread_px)
    seen = join_dashes(_drop_yards(road, chosen.max_width_px) & ~hidden, gap_px=chosen.dash_px)
    road = fill_hidden(seen, hidden, reach_px=chosen.label_px)
    return clean_roads(join_dashes(road, gap_px=chosen.dash_px), chosen)


def is_noisy(image: ByteImage) -> bool:
    """Whether an image was compressed with losses: few pixels equal their neighbour, where in a
    drawing most do.
    """
    equal = (image[:, 1:] == image[:, :-1]).all(axis=2)
    return float(equal.mean()) < _DRAWN_SHARE


def calm_image(image: ByteImage) -> ByteImage:
    """Without the ripples of JPEG; edges stay (total variation, Chambolle 2004)."""
    calmed = np.empty_like(image)
    for top in range(
        0, len(image), _STRIP_PX
    ):  # strips, so that fractions never exist at full size
        start, stop = max(top - _MARGIN_PX, 0), top + _STRIP_PX
        part = image[start : stop + _MARGIN_PX].astype(np.float32) / 255
        calm = denoise_tv_chambolle(part, weight=0.025, channel_axis=2, max_num_iter=40)
        calmed[top:stop] = (calm[top - start : stop - start] * 255).round()
    return calmed


def clean_roads(road: Mask, settings: RenderedSettings) -> Mask:
    """Without pieces too short to be roads, and without pinholes."""
    road = _drop_short(road, settings.min_length_px)
    return road | (~road & ~_drop_specks(~road, 7))


def _drop_threads(road: Mask, wide: Mask, hidden: Mask, least_px: float) -> Mask:
    """Without threads of a pixel or two, in a colour that roads of some width have, that are short.

    Soft edges of buildings and the noise of JPEG make them.
    """
    seen = road | hidden
    body = ndimage.binary_dilation(ndimage.binary_opening(seen, _EIGHT), _EIGHT) & road
    threads: Mask = road & ~body & wide
    return (road & ~threads) | _drop_short(threads, least_px)


def _drop_short(mask: Mask, least_px: float) -> Mask:
    """Without pieces whose box has a diagonal below least_px."""
    pieces, count = ndimage.label(mask, _EIGHT)
    long = np.zeros(count + 1, bool)
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        long[number] = np.hypot(*(side.stop - side.start for side in box)) >= least_px
    kept: Mask = long[pieces]
    return kept


def _drop_specks(mask: Mask, least: int) -> Mask:
    """Without pieces of fewer than `least` pixels."""
    pieces, count = ndimage.label(mask, _EIGHT)
    large = np.bincount(pieces.ravel(), minlength=count + 1) >= least
    large[0] = False
    kept: Mask = large[pieces]
    return kept


def list_colours(image: ByteImage) -> str:
    """The colours of a map's areas with their shares, for a person to choose from."""
    found = find_areas(image, count_colours(image))
    return (
        ", ".join(f"{to_hex(colour)} ({share:.1%})" for colour, share in found[:12])
        or "none: no even areas"
    )


def _drop_yards(road: Mask, max_width_px: float) -> Mask:
    """Without areas that are wider than any road."""
    inside: NDArray[np.float32] = measure_inside(road)
    cores = inside > max_width_px / 2
    if not cores.any():
        return road
    narrow: Mask = ndimage.distance_transform_edt(~cores) > 0.75 * max_width_px  # no corners either
    return road & narrow
