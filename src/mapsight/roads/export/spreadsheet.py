"""CSV for spreadsheets: no cell of it is ever a formula, whatever a road is called (OWASP, CSV
injection).
"""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from mapsight.atomic import write_atomically
from mapsight.roads.export.run import COLUMNS, ExportSettings, Run, to_degrees

# apostrophes in front count in, so that the one that is added can be taken off again without a
# doubt
_FORMULA = re.compile(r"'*[ \u00a0]*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def write_csv(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """UTF-8 with the mark that spreadsheets know it by; the middle in degrees (or pixels), the line
    as WKT.
    """
    placed = findings.crs is not None
    table = to_degrees(findings) if placed else findings
    digits = 7 if placed else 2
    middle = shapely.line_interpolate_point(table.geometry.to_numpy(), 0.5, normalized=True)
    x, y = shapely.get_x(middle).round(digits), shapely.get_y(middle).round(digits)
    table = table.assign(x=x, y=y, wkt=table.geometry.to_wkt(rounding_precision=digits))
    names = [*COLUMNS, "x", "y", "wkt"]
    head = [*COLUMNS, *(("lon", "lat") if placed else ("x_px", "y_px")), "wkt"]
    with (
        write_atomically(path) as temporary,
        temporary.open("w", encoding="utf-8-sig", newline="") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(
            [make_safe(value) for value in row]
            for row in table[names].itertuples(index=False, name=None)
        )
    return []


def make_safe(value: Any) -> Any:
    """A cell that a spreadsheet shows as it is: text that it could take for a formula gets an
    apostrophe in front.
    """
    if isinstance(value, float) and math.isnan(value):
        return ""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = value.replace("\0", "")
    return "'" + text if _FORMULA.match(text) else text


def read_cell(cell: str) -> str:
    """The text that `make_safe` has made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
