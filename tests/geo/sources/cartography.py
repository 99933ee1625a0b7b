"""Draws maps of a town in several styles, as web maps are drawn: the pictures that `rendered` must
read.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import geopandas as gpd
import matplotlib
import numpy as np
import shapely
from affine import Affine
from PIL import Image, ImageDraw, ImageFont

from mapsight.geo.burn import burn_lines
from mapsight.geo.geobox import GeoBox, parse_crs
from mapsight.town.plan.layout import draw_plan
from mapsight.town.plan.warp import make_stream
from mapsight.town.world import World

_FINE = 4  # drawn so much larger, then averaged: anti-aliasing
_FONT = matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
Stroke = tuple[str, str | None]  # fill, casing
_STREETS = (
    "Oak Street",
    "Mill Lane",
    "High Street",
    "Station Road",
    "Elm Avenue",
    "Church Hill",
    "Quay",
    "Park Row",
)
_PLACES = (
    "Northfield",
    "Old Town",
    "Harbour",
    "St. Mary's",
    "Westend",
    "Market",
    "Brookside",
    "Mill Pond",
)


@dataclass(frozen=True)
class Style:
    """Colours as hex. `roads`: class → (fill, casing or None, width of the fill in px)."""

    land: str
    park: str
    water: str
    building: str
    roads: dict[str, tuple[str, str | None, float]]
    ink: str
    halo: str | None
    halo_px: int = 2
    casing_px: float = 1.2
    font_px: int = 11
    dashes: dict[str, tuple[float, float]] = field(default_factory=dict)  # class → (on, off) in px
    icons: tuple[str, ...] = ()
    rail: str = "#999999"

    @property
    def colours(self) -> list[str]:
        return sorted({fill for fill, _, _ in self.roads.values()})

    def width_px(self, road_class: str) -> float:
        return self.roads[self.key(road_class)][2]

    def key(self, road_class: str) -> str:
        return road_class if road_class in self.roads else "residential"


def _classes(
    major: Stroke,
    middle: Stroke,
    minor: Stroke,
    track: Stroke,
    widths: tuple[float, ...] = (11, 9, 6, 3.5, 2),
) -> dict[str, Any]:
    return {
        **dict.fromkeys(("motorway", "trunk", "primary"), (*major, widths[0])),
        **dict.fromkeys(("secondary", "tertiary"), (*middle, widths[1])),
        **dict.fromkeys(("residential", "unclassified", "living_street"), (*minor, widths[2])),
        "service": (*minor, widths[3]),
        "track": (*track, widths[4]),
    }


STYLES = {
    # white and yellow roads with casings on pale land, labels with halos: the look of most web maps
    "light": Style(
        "#f2efe9",
        "#c8e6b9",
        "#a9d3df",
        "#d9d0c9",
        _classes(
            ("#f9d27a", "#c79a3b"),
            ("#fdf3a8", "#bfae5e"),
            ("#ffffff", "#c5bfb6"),
            ("#ffffff", "#c5bfb6"),
        ),
        "#333333",
        "#ffffff",
    ),
    # grey-blue roads without casings on near black, light letters: a night map
    "dark": Style(
        "#1d2530",
        "#1f3a33",
        "#0e1a2b",
        "#27303d",
        _classes(("#8a6d3b", None), ("#566479", None), ("#465266", None), ("#465266", None)),
        "#b8c0cc",
        "#1d2530",
        rail="#39424f",
    ),
    # soft colours, thin casings, dashed tracks, icons: a hiking map
    "pastel": Style(
        "#f6f1e1",
        "#d5e8c0",
        "#bfdcec",
        "#e3cfc0",
        _classes(
            ("#f4a58a", "#b5654a"),
            ("#f7cf9e", "#b58a52"),
            ("#fffdf5", "#a9a08c"),
            ("#a8703d", None),
        ),
        "#3b2f2a",
        "#f6f1e1",
        dashes={"track": (7, 4)},
        icons=("#d2527f", "#3b78c4", "#5a9a4a"),
    ),
    # held out: no threshold was chosen on it. Grey map, mid-grey roads, dark casings, larger
    # letters without halos
    "held-out": Style(
        "#e4e6e8",
        "#cfd9cb",
        "#c3cad6",
        "#d3d2d4",
        _classes(
            ("#ffb347", "#8d5a10"),
            ("#ffffff", "#7f8790"),
            ("#fbfbfb", "#9aa1a8"),
            ("#8c5fa8", None),
            widths=(13, 8, 5, 3, 2.5),
        ),
        "#1b1b3a",
        None,
        font_px=13,
        casing_px=1.0,
        dashes={"track": (5, 5)},
        icons=("#20639b", "#f6d55c"),
    ),
}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A map (H, W, 3), where its roads are drawn by its vectors (H, W), the vectors (width_m as
    drawn), the grid.
    """

    image: np.ndarray
    truth: np.ndarray
    roads: gpd.GeoDataFrame
    box: GeoBox


@cache
def plan_town(seed: int, size_m: float) -> Any:
    """A town on paper: once for all styles."""
    return draw_plan((size_m, size_m), partial(make_stream, seed), density=0.6, world=World())


def draw_map(
    style: Style,
    *,
    seed: int = 3,
    size_px: int = 640,
    m_per_px: float = 1.5,
    labels: bool = True,
    jpeg: int | None = None,
) -> Drawn:
    """The town of a seed in a style; `jpeg` is the quality of a compression that it went
    through.
    """
    plan = plan_town(seed, size_px * m_per_px)
    easel = _Easel(size_px, m_per_px)
    edges = plan.edges[plan.edges["visible"]].copy()
    if style.dashes:  # every second lane is a track
        lanes = edges.index[edges["road_class"] == "service"]
        edges.loc[lanes[::2], "road_class"] = "track"
    easel.fill(style.land)
    for block, kind in zip(plan.blocks, plan.kinds, strict=True):
        if kind in ("park", "forest", "woods"):
            easel.area(block, style.park)
    easel.area(plan.water, style.water)
    for house in plan.plots.houses.polygons():
        easel.area(house, style.building)
    for line in plan.rail:
        easel.line(line, style.rail, 1.5)
    _draw_roads(easel, style, edges)
    image = easel.finish()
    if labels:
        image = _letter(image, style, edges, easel, np.random.default_rng(seed))
    if jpeg is not None:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=jpeg)
        image = Image.open(stream)
    box = GeoBox(
        size_px,
        size_px,
        Affine(m_per_px, 0, 691_000, 0, -m_per_px, 5_336_000),
        parse_crs("EPSG:32632"),
    )
    width_m = [style.width_px(c) * m_per_px for c in edges["road_class"]]
    left, bottom = box.bounds[:2]
    moved = [shapely.transform(line, lambda xy: xy + [left, bottom]) for line in edges.geometry]
    roads = gpd.GeoDataFrame(
        {"width_m": width_m, "road_class": edges["road_class"].to_numpy()},
        geometry=moved,
        crs="EPSG:32632",
    )
    return Drawn(np.asarray(image.convert("RGB")), burn_lines(roads, box).astype(bool), roads, box)


class _Easel:
    """Metres from the lower left corner → a picture that is drawn larger than it will be."""

    def __init__(self, size_px: int, m_per_px: float) -> None:
        self.size_px, self.m_per_px = size_px, m_per_px
        self.image = Image.new("RGB", (size_px * _FINE, size_px * _FINE))
        self.pen = ImageDraw.Draw(self.image)

    def place(self, geometry: Any) -> np.ndarray:
        """Pixels (n, 2) as x, y of the finished picture."""
        xy = shapely.get_coordinates(geometry) / self.m_per_px
        return np.column_stack([xy[:, 0], self.size_px - xy[:, 1]])

    def fill(self, colour: str) -> None:
        self.pen.rectangle((0, 0, *self.image.size), colour)

    def area(self, geometry: Any, colour: str) -> None:
        for part in shapely.get_parts(geometry):
            if part.geom_type == "Polygon" and not part.is_empty:
                self.pen.polygon([tuple(p) for p in self.place(part.exterior) * _FINE], fill=colour)

    def line(self, line: Any, colour: str, width_px: float) -> None:
        """A stroke with round joins and caps, exactly as wide as it says."""
        shape = shapely.transform(
            line, lambda xy: np.column_stack([xy[:, 0], -xy[:, 1]]) / self.m_per_px
        )
        for part in shapely.get_parts(shape.buffer(width_px / 2)):
            rings = [part.exterior, *part.interiors]
            mask = Image.new("1", self.image.size) if len(rings) > 1 else None
            points = [
                [(x * _FINE, (y + self.size_px) * _FINE) for x, y in ring.coords] for ring in rings
            ]
            if mask is None:
                self.pen.polygon(points[0], fill=colour)
                continue
            pen = ImageDraw.Draw(mask)
            pen.polygon(points[0], fill=1)
            for hole in points[1:]:
                pen.polygon(hole, fill=0)
            self.image.paste(Image.new("RGB", self.image.size, colour), mask=mask)

    def finish(self) -> Image.Image:
        return self.image.reduce(_FINE)


def _draw_roads(easel: _Easel, style: Style, edges: gpd.GeoDataFrame) -> None:
    """All casings first, then all fills, the lesser roads below."""
    order = [
        "track",
        "service",
        "residential",
        "unclassified",
        "living_street",
        "tertiary",
        "secondary",
        "primary",
        "trunk",
        "motorway",
    ]
    keys = [style.key(c) for c in edges["road_class"]]
    ranked = sorted(zip(keys, edges.geometry, strict=True), key=lambda pair: order.index(pair[0]))
    for key, line in ranked:
        _, casing, width = style.roads[key]
        if casing is not None:
            easel.line(line, casing, width + 2 * style.casing_px)
    for key, line in ranked:
        fill, _, width = style.roads[key]
        for part in _dash(line, style.dashes.get(key), easel.m_per_px):
            easel.line(part, fill, width)


def _dash(line: Any, dashes: tuple[float, float] | None, m_per_px: float) -> list[Any]:
    if dashes is None:
        return [line]
    on, off = (n * m_per_px for n in dashes)
    starts = np.arange(0, line.length, on + off)
    return [
        shapely.ops.substring(line, s, min(s + on, line.length))
        for s in starts
        if line.length - s > 0.2 * on
    ]


def _letter(
    image: Image.Image,
    style: Style,
    edges: gpd.GeoDataFrame,
    easel: _Easel,
    rng: np.random.Generator,
) -> Any:
    """Street names along streets, names of places anywhere, icons."""
    image = image.convert("RGBA")
    font = ImageFont.truetype(_FONT, style.font_px)
    crowd = (image.width / 640) ** 2
    for i, line in enumerate(sorted(edges.geometry, key=lambda g: -g.length)[: round(24 * crowd)]):
        xy = easel.place(line)
        middle = easel.place(line.interpolate(0.5, normalized=True))[0]
        ahead = easel.place(line.interpolate(min(line.length, line.length / 2 + 20)))[0] - middle
        angle = math.degrees(math.atan2(-ahead[1], ahead[0]))
        if len(xy) > 1:
            _write(image, _STREETS[i % len(_STREETS)], middle, (angle + 90) % 180 - 90, style, font)
    big = ImageFont.truetype(_FONT, round(style.font_px * 1.4))
    for name in _PLACES[: round(8 * crowd)]:
        _write(image, name, rng.uniform(40, image.width - 40, 2), 0, style, big)
    pen = ImageDraw.Draw(image)
    for i in range(round(26 * crowd) if style.icons else 0):
        x, y = rng.uniform(10, image.width - 10, 2)
        pen.ellipse(
            (x - 6, y - 6, x + 6, y + 6), fill=style.icons[i % len(style.icons)], outline="#ffffff"
        )
        pen.rectangle((x - 2, y - 2, x + 2, y + 2), fill="#ffffff")
    return image.convert("RGB")


def _write(image: Image.Image, text: str, at: Any, angle: float, style: Style, font: Any) -> None:
    stroke = style.halo_px if style.halo else 0
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    size = (int(right - left) + 4, int(bottom - top) + 4)
    layer = Image.new("RGBA", size, (*_parse_hex(style.halo or style.ink), 0))
    ImageDraw.Draw(layer).text(
        (2 - left, 2 - top), text, style.ink, font, stroke_width=stroke, stroke_fill=style.halo
    )
    turned = layer.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    image.alpha_composite(
        turned, (max(int(at[0] - turned.width / 2), 0), max(int(at[1] - turned.height / 2), 0))
    )


def _parse_hex(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:], 16)
