"""One HTML file with the image, the findings and a list, for a browser alone: no server, no
network, works from disk.

It can be sent to somebody who has no mapsight: verdicts that are given in it are kept by the
browser, and its button saves them as a file that `mapsight verdicts` reads. Names out of maps are
text, whatever they contain.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import jinja2
import numpy as np
import pyogrio
import shapely
from affine import Affine
from markupsafe import Markup
from PIL import Image

from mapsight.atomic import write_atomically
from mapsight.errors import MapsightError
from mapsight.roads.export.run import ExportSettings, Run, describe_tool, to_degrees
from mapsight.roads.folder.read import read_line
from mapsight.roads.kinds import KINDS, write_style

_MOST_PX = 4096  # of the picture's longer side; browsers and mail programs choke on more
_JPEG_QUALITY = 82
_MARGIN_M = 60.0


@dataclass(frozen=True)
class _Frame:
    """What the page shows: units (metres or pixels) → picture pixels, its size, and the picture as
    a data: address.
    """

    to_picture: Affine
    width: int
    height: int
    crs: Any
    picture: str = ""


def write_page(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """The page; without a picture where the image is no longer where it was."""
    frame, remarks = _make_frame(run)
    data = json.dumps(_collect(run, findings, frame), ensure_ascii=False, allow_nan=False).replace(
        "<", "\\u003c"
    )
    style, script = write_style() + _read("page.css"), _read("page.js")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html.j2").render(
        style=Markup(style),
        script=Markup(script),
        data=Markup(data),
        frame=frame,
        tool=describe_tool(),
        image=run.image_name or "image",
        map=run.map_name or "map",
        count=len(findings),
        kinds=list(KINDS),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return remarks


def _collect(run: Run, findings: gpd.GeoDataFrame, frame: _Frame) -> dict[str, Any]:
    """What the script shows: lines in pixels of the picture, places in words."""
    placed = findings.crs is not None
    drawn = findings.to_crs(frame.crs) if placed and frame.crs is not None else findings
    places = to_degrees(findings).geometry if placed else findings.geometry
    rows = []
    for row, line, where in zip(
        findings.itertuples(index=False), drawn.geometry, places, strict=True
    ):
        middle = where.interpolate(0.5, normalized=True)
        seen = _move(row.proposed_wkt, findings.crs, frame)
        rows.append(
            {
                "id": row.finding_id,
                "rank": int(row.rank),
                "kind": row.kind,
                "status": row.status,
                "verdict": row.verdict,
                "note": row.note,
                "score": float(row.score),
                "length": round(float(row.length_m)),
                "evidence": row.evidence,
                "name": row.road_id,
                "line": _draw(line, frame),
                "proposed": seen,
                "place": f"{middle.y:.6f}, {middle.x:.6f}"
                if placed
                else f"x {middle.x:.0f}, y {middle.y:.0f}",
                "osm": f"https://www.openstreetmap.org/edit#map=19/{middle.y:.6f}/{middle.x:.6f}"
                if placed
                else "",
            }
        )
    stamp = f"{run.image_name} {run.facts.get('created', '')}"
    roads = _draw_map(run, frame)
    return {
        "tool": describe_tool(),
        "roads": roads,
        "audit": hashlib.sha256(stamp.encode()).hexdigest()[:16],
        "findings": rows,
    }


def _make_frame(run: Run) -> tuple[_Frame, list[str]]:
    grid = run.facts.get("grid")
    if not isinstance(grid, dict):
        return _frame_findings(run.findings), [
            "audit.json does not say where the image is: a page without a picture"
        ]
    height, width = grid["shape"]
    shrink = max(1.0, max(height, width) / _MOST_PX)
    to_picture = Affine.scale(1 / shrink) @ ~Affine(*grid["transform"])
    size = round(width / shrink), round(height / shrink)
    try:
        picture, remarks = _read_picture(run, grid, size), []
    except (MapsightError, OSError) as error:
        picture, remarks = "", [f"a page without a picture ({error})"]
    return _Frame(to_picture, *size, grid["crs"], picture), remarks


def _frame_findings(findings: gpd.GeoDataFrame) -> _Frame:
    """A frame around the findings, about 1,000 pixels wide, for an audit of which nothing else is
    known.
    """
    if findings.empty:
        return _Frame(Affine.identity(), 1000, 1000, findings.crs)
    metric = findings.to_crs(findings.estimate_utm_crs()) if findings.crs is not None else findings
    left, bottom, right, top = metric.total_bounds + np.array([-1, -1, 1, 1]) * _MARGIN_M
    scale = 1000 / max(right - left, top - bottom)
    to_picture = Affine.scale(scale, -scale) @ Affine.translation(-left, -top)
    return _Frame(
        to_picture, round((right - left) * scale), round((top - bottom) * scale), metric.crs
    )


def _read_picture(run: Run, grid: dict[str, Any], size: tuple[int, int]) -> str:
    from mapsight.geo.raster import open_image

    if run.image_path is None:
        raise MapsightError(
            run.image_name or "the image", "is no longer where it was", "put it back to see it"
        )
    sources = run.facts.get("sources", {})
    bands = sources.get("bands")
    numbers = tuple(int(part) for part in str(bands).split(",")) if bands else None
    with open_image(
        run.image_path, bands=numbers, crs=sources.get("crs"), m_per_px=grid["m_per_px"]
    ) as reader:
        array = reader.read_all().array
    stream = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(array.transpose(1, 2, 0)))
    picture.resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _draw_map(run: Run, frame: _Frame) -> list[list[list[float]]]:
    """The map's own lines, for orientation; none where the audit has not kept them."""
    path = run.folder / "layers.gpkg"
    if not path.is_file() or "map" not in pyogrio.list_layers(path)[:, 0]:
        return []
    roads = pyogrio.read_dataframe(path, layer="map", columns=[])
    if roads.crs is not None and frame.crs is not None:
        roads = roads.to_crs(frame.crs)
    moved = shapely.transform(
        roads.geometry.to_numpy(), lambda xy: np.column_stack(frame.to_picture @ xy.T)
    )
    inside = shapely.clip_by_rect(shapely.simplify(moved, 0.5), 0, 0, frame.width, frame.height)
    lines = [
        line
        for line in shapely.get_parts(inside)
        if line.geom_type == "LineString" and not line.is_empty
    ]
    return [np.round(shapely.get_coordinates(line), 1).tolist() for line in lines]


def _move(wkt: str, crs: Any, frame: _Frame) -> list[list[float]]:
    if (line := read_line(wkt)) is None:
        return []
    if crs is not None and frame.crs is not None:
        (line,) = gpd.GeoSeries([line], crs=crs).to_crs(frame.crs)
    return _draw(line, frame) if line.is_valid else []  # infinite where the CRS does not reach


def _draw(line: shapely.LineString, frame: _Frame) -> list[list[float]]:
    return [[round(v, 1) for v in frame.to_picture @ point[:2]] for point in line.coords]


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
