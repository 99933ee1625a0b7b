"""report.html: the audit as one self-contained page that a person who has never seen the project
understands.

The page loads nothing: pictures are `data:` addresses, there is no script, and its
Content-Security-Policy forbids everything but its own style sheet. Names out of maps are text,
whatever they contain.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import shapely
from markupsafe import Markup

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.roads.kinds import KINDS, Kind
from mapsight.roads.report import words
from mapsight.roads.report.figures import (
    ArrowFigure,
    Curve,
    CurveFigure,
    draw_arrow,
    draw_curve,
)
from mapsight.roads.report.images import Backdrop
from mapsight.roads.report.pictures import Crop, draw_crop, draw_overview, find_middle
from mapsight.roads.report.template import make_environment, read_style

__all__ = [
    "OSM_LINKS",
    "AuditView",
    "Backdrop",
    "ModelFacts",
    "NotJudged",
    "Overlap",
    "Shift",
    "Threshold",
    "fill_link",
    "write_report",
]

# {lat} {lon} are the finding's middle; {west} {south} {east} {north} a frame around it; degrees.
OSM_LINKS: Mapping[str, str] = MappingProxyType(
    {
        "Edit in iD": "https://www.openstreetmap.org/edit?editor=id#map=19/{lat}/{lon}",
        "See on openstreetmap.org": "https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=19/{lat}/{lon}",
    }
)


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What judged the image."""

    name: str
    training: str  # one sentence: on what, and how a place is kept from the net that judges it
    device: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How image and map lie over each other."""

    map_share_inside: float  # of the map file's ways, in [0, 1]
    map_km_inside: float


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What has been added to the map to reach the imagery: metres, east and north positive."""

    estimated: bool
    why_not: str = ""  # a sentence, when it was not estimated
    dx_m: float = math.nan
    dy_m: float = math.nan
    dx_interval_m: tuple[float, float] = (math.nan, math.nan)  # 95 %
    dy_interval_m: tuple[float, float] = (math.nan, math.nan)
    quality: str = ""  # a sentence: measured how, how sure
    field_min_m: float = math.nan  # least and greatest local offset over the scene
    field_max_m: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From which probability on a pixel counts as road, and the curve it was chosen on (equal
    lengths).
    """

    value: float
    low: float
    high: float
    f1: float
    mode: str  # 'highest F1' or 'precision ≥ 0.9'
    threshold: Curve = ()
    precision: Curve = ()
    recall: Curve = ()
    f1_curve: Curve = ()


@dataclass(frozen=True, kw_only=True)
class NotJudged:
    """A part of the scene about which the audit says nothing."""

    reason: str
    amount: float
    unit: str  # 'km' or 'km²'
    explanation: str


@dataclass(frozen=True, eq=False, kw_only=True)
class AuditView:
    """All that the report shows.

    `findings` is ranked, with the columns of `findings.gpkg`; like the scene's lines it lies on the
    imagery, with the shift taken out.
    """

    image_name: str
    map_name: str
    created: str  # ISO date or date-time
    model: ModelFacts
    area_km2: float
    road_km: float
    overlap: Overlap
    shift: Shift
    threshold: Threshold
    findings: gpd.GeoDataFrame
    scene: Backdrop
    not_judged: Sequence[NotJudged] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()  # why this run is weak, to be said first
    command: str = ""
    version: str = ""
    links: Mapping[str, str] = field(default_factory=lambda: OSM_LINKS)
    statuses: Mapping[str, int] = field(
        default_factory=dict
    )  # since the audit before; empty for a first one
    dismissed: gpd.GeoDataFrame = field(
        default_factory=gpd.GeoDataFrame
    )  # findings that a person has rejected


@dataclass(frozen=True)
class _Place:
    """Where a finding is, to be copied: degrees when the scene has a CRS, else pixels."""

    text: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Card:
    """One finding, as the template shows it; `row` has the columns of `findings.gpkg`."""

    rank: int
    anchor: str
    row: Any
    kind: Kind
    crop: Crop
    place: _Place


def write_report(path: str | Path, audit: AuditView, *, max_cards: int = 100) -> Path:
    """Write the page atomically; findings beyond `max_cards` are drawn in the overview and counted,
    no more.

    Raises InputError when the folder does not exist or a link template is not http(s).
    """
    text = render_report(audit, max_cards=max_cards)
    with write_atomically(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def render_report(audit: AuditView, *, max_cards: int = 100) -> str:
    """The page as text; equal input gives equal text."""
    shown = audit.findings.iloc[:max_cards]
    overview = draw_overview(audit.scene, list(audit.findings.geometry), marks=len(shown))
    style = read_style(overview.width / overview.height)
    page = make_environment().get_template("report.html.j2")
    return page.render(
        audit=audit,
        style=Markup(
            style
        ),  # ours alone: nothing of the audit reaches it but the picture's proportions
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        overview=overview,
        brief=_list_briefly(audit.findings),
        cards=[
            _make_card(audit, rank, row)
            for rank, row in enumerate(shown.itertuples(index=False), 1)
        ],
        counts={kind: int((audit.findings["kind"] == kind).sum()) for kind in KINDS},
        expected=round(float(audit.findings["score"].sum())),
        expectation=words.say_expectation(audit.findings["score"].tolist()),
        shift_figure=_draw_shift(audit.shift),
        curve=_draw_threshold(audit.threshold),
        centre=_locate(audit, shapely.box(*audit.scene.box.bounds).exterior.centroid).text,
        since=words.say_since(audit.statuses),
        dismissed=[
            (
                KINDS[row.kind].singular,
                row.score,
                row.evidence,
                _locate(audit, find_middle(row.geometry)).text,
            )
            for row in audit.dismissed.itertuples(index=False)
        ],
    )


def _make_card(audit: AuditView, rank: int, row: Any) -> _Card:
    seen = shapely.from_wkt(row.seen_wkt) if row.seen_wkt else None
    crop = draw_crop(audit.scene, row.geometry, seen)
    place = _locate(audit, find_middle(row.geometry))
    return _Card(rank, _make_anchor(row.finding_id, rank), row, KINDS[row.kind], crop, place)


def _list_briefly(findings: gpd.GeoDataFrame) -> list[tuple[int, str, str, float]]:
    columns = zip(findings["finding_id"], findings["kind"], findings["score"], strict=True)
    return [
        (rank, _make_anchor(name, rank), kind, score)
        for rank, (name, kind, score) in enumerate(columns, 1)
    ]


def _make_anchor(finding_id: str, rank: int) -> str:
    return (
        f"f-{finding_id}"
        if re.fullmatch(r"[0-9A-Za-z_-]{1,40}", str(finding_id))
        else f"f-rank-{rank}"
    )


def _draw_shift(shift: Shift) -> ArrowFigure | None:
    if not (shift.estimated and math.isfinite(shift.dx_m) and math.isfinite(shift.dy_m)):
        return None
    return draw_arrow(shift.dx_m, shift.dy_m, shift.dx_interval_m, shift.dy_interval_m)


def _draw_threshold(threshold: Threshold) -> CurveFigure | None:
    scores = {
        "precision": threshold.precision,
        "recall": threshold.recall,
        "f1": threshold.f1_curve,
    }
    return draw_curve(threshold.threshold, scores, threshold.value, (threshold.low, threshold.high))


def _locate(audit: AuditView, point: shapely.Point) -> _Place:
    box = audit.scene.box
    if box.crs is None:
        col, row = ~box.transform @ (point.x, point.y)
        return _Place(f"column {col:.0f}, row {row:.0f}", ())
    around = shapely.box(point.x - 60, point.y - 60, point.x + 60, point.y + 60)
    middle, frame = gpd.GeoSeries([point, around], crs=box.crs).to_crs("EPSG:4326")
    values = dict(
        zip(("west", "south", "east", "north"), frame.bounds, strict=True),
        lat=middle.y,
        lon=middle.x,
    )
    links = tuple((label, fill_link(template, values)) for label, template in audit.links.items())
    return _Place(f"{middle.y:.6f}, {middle.x:.6f}", links)


def fill_link(template: str, values: Mapping[str, float]) -> str:
    """The address of a place; InputError for a template that is not http(s)."""
    if not re.match(r"https?://", template):
        raise InputError(
            template, "a link must start with http:// or https://", "mend the link template"
        )
    for name, value in values.items():
        template = template.replace("{" + name + "}", f"{value:.6f}")
    return template
