"""Tiles, WMS and static maps: pictures of a grid, fetched politely, put together where they
belong.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from mapsight.errors import InputError, MapsightError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.blank import is_placeholder
from mapsight.geo.sources.cellreader import CellReader, check_picture, read_picture
from mapsight.geo.sources.cells import Cell, Cells, CellSettings, choose_cells, measure_unit_m
from mapsight.geo.sources.http import FetchError, Http
from mapsight.geo.sources.mosaic import write_mosaic
from mapsight.geo.sources.record import LASTING, Gathered, describe_summary, span_times
from mapsight.geo.sources.store import Reply
from mapsight.geo.sources.template import Template, read_template
from mapsight.progress import open_progress

_HOPELESS = 12  # passing failures in a row, after which nobody is asked anymore
_SAME_PICTURE = 2  # identical bytes at that many places are a placeholder, not imagery


@dataclass(frozen=True)
class TileSettings:
    """How pictures are asked for. `photo`: imagery, in which plain colour, hardly any colours, and
    one picture at several places mean that there is none; switched off for drawn maps.
    """

    cells: CellSettings = CellSettings()
    subdomains: str = "abc"
    max_tiles: int = 2000
    attribution: str = ""
    accept_terms: bool = False
    photo: bool = True


@dataclass
class Fetched:
    """What became of each picture: when it was fetched, or why it is missing; the first fault in
    words.
    """

    times: dict[Cell, float] = field(default_factory=dict)
    new: int = 0
    failed: dict[Cell, str] = field(default_factory=dict)
    digests: dict[Cell, bytes] = field(default_factory=dict)
    first_fault: str = ""


def fetch_tiles(
    area: Area,
    template: str,
    *,
    out: Path,
    m_per_px: float,
    http: Http,
    settings: TileSettings = TileSettings(),
) -> Gathered:
    """Write the imagery of a service over the area to `out`; failed pictures are no data and
    counted.

    Raises InputError for a template or a size that cannot be, MapsightError where no picture could
    be had.
    """
    box = area.choose_grid(m_per_px)
    reader, record, request = _open_service(template, box, http, settings)
    summary = write_mosaic(
        out,
        box,
        reader.read,
        request=request,
        title="putting tiles together",
        attribution=settings.attribution,
    )
    details = record.details | describe_summary(summary)
    return replace(record, share_valid=summary.share_valid, details=details)


def fetch_drawn_map(
    area: Area,
    template: str,
    *,
    m_per_px: float,
    http: Http,
    settings: TileSettings = TileSettings(),
) -> tuple[Raster, Gathered]:
    """What a service draws of the area, on the service's own grid: a warp would mix the colours of
    a map.

    RGB (3, H, W) in memory. Raises as `fetch_tiles`, and InputError for more than fits there.
    """
    box = area.choose_grid(m_per_px)
    reader, record, _ = _open_service(template, box, http, replace(settings, photo=False))
    native = reader.read_native(box).raster
    return native, replace(record, share_valid=float(native.valid.mean()))


def _open_service(
    template: str, box: GeoBox, http: Http, settings: TileSettings
) -> tuple[CellReader, Gathered, dict[str, Any]]:
    """Fetch all pictures over a box: a reader of them, the record, and what the image depends
    on.
    """
    read = read_template(template, subdomains=settings.subdomains)
    if read.kind == "static":
        check_terms(read, settings)
    cells = choose_cells(read, box, settings.cells)
    wanted = list_cells(cells, box, settings.max_tiles)
    fetched = fetch_cells(wanted, read, cells, http=http, photo=settings.photo)
    if settings.photo:
        _mark_placeholders(fetched)
    if len(fetched.failed) == len(wanted):
        raise _explain_nothing(read, fetched)
    get = partial(get_cell, template=read, cells=cells, http=http)
    reader = CellReader(
        cells, get, there=fetched.times, failed=fetched.failed, photo=settings.photo
    )
    record = Gathered(
        kind=read.kind,
        source=template,
        attribution=settings.attribution,
        fetched=len(fetched.times),
        fetched_between=span_times(fetched.times.values()),
        failed=dict(Counter(fetched.failed.values())),
        notes=_describe(cells, box, fetched, len(wanted)),
        details={
            "zoom": cells.zoom,
            "crs": cells.crs.to_string(),
            "tiles": len(wanted),
            "from_store": len(fetched.times) - fetched.new,
            "settings": asdict(settings.cells),
        },
    )
    return (
        reader,
        record,
        {"template": read.text, "box": str(box), "cells": str(cells), "photo": settings.photo},
    )


def check_terms(template: Template, settings: TileSettings) -> None:
    """Static-maps services sell pictures for display: say so, and go on only when the user has
    agreed.
    """
    if not settings.accept_terms:
        raise MapsightError(
            template.host,
            "is a static-maps service; most of them forbid to store their pictures, to trace from"
            " them or to train on them (Google Maps Platform and Mapbox do)",
            "read its terms, and if they allow your use, say --accept-terms",
        )


def list_cells(cells: Cells, box: GeoBox, limit: int) -> list[Cell]:
    """The pictures that show any of the box; InputError above the limit, and where the service has
    none.
    """
    rows, cols = cells.find_over(box)
    count = len(rows) * len(cols)
    if count > limit:
        at = f" at zoom {cells.zoom}" if cells.zoom is not None else ""
        raise InputError(
            f"{count} tiles{at}",
            f"are above the limit of {limit}",
            "gather a smaller area, more metres a pixel, or raise --max-tiles",
        )
    if not count:
        raise InputError(
            "the area",
            "lies outside the grid of this service",
            "check --tile-matrix-set and --bbox",
        )
    return [Cell(row, col) for row in rows for col in cols]


def fetch_cells(
    wanted: list[Cell], template: Template, cells: Cells, *, http: Http, photo: bool
) -> Fetched:
    """Have every picture in the store of `http`, several at a time; what fails, and of a `photo`
    what shows none, is counted by its reason.
    """
    fetched, streak = Fetched(), 0
    with open_progress("fetching tiles", total=len(wanted)) as advance:
        for cell, outcome in _run_all(
            wanted, lambda cell: _fetch_cell(cell, template, cells, http, photo), http
        ):
            if isinstance(outcome, Reply):
                fetched.times[cell] = outcome.fetched_at
                fetched.digests[cell] = hashlib.sha256(outcome.content).digest()
                fetched.new += not outcome.stored
                streak = 0
            else:
                fetched.failed[cell] = outcome.kind
                if outcome.kind != "placeholder":
                    fetched.first_fault = fetched.first_fault or str(outcome)
                streak += outcome.kind not in LASTING
            advance(1, f"{len(fetched.failed)} failed" if fetched.failed else "")
            if streak == _HOPELESS:
                http.stop()
    return fetched


def _run_all(
    wanted: list[Cell], fetch: Callable[[Cell], Reply | FetchError], http: Http
) -> Iterator[tuple[Cell, Reply | FetchError]]:
    """Each picture with its outcome, as they come; few are waiting at any time."""
    queue, running = iter(wanted), dict[Future[Reply | FetchError], Cell]()
    with ThreadPoolExecutor(http.settings.parallel) as pool:
        try:
            while True:
                for cell in islice(queue, 2 * http.settings.parallel - len(running)):
                    running[pool.submit(fetch, cell)] = cell
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(done), done.result()
        except BaseException:
            http.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_cell(
    cell: Cell, template: Template, cells: Cells, http: Http, photo: bool
) -> Reply | FetchError:
    try:
        reply = get_cell(cell, template, cells, http)
        pixels = read_picture(reply, cells, cell) if photo else None
    except FetchError as error:
        return error
    if pixels is not None and is_placeholder(pixels):
        return FetchError(cell, "has hardly any colour", "try a lower zoom", kind="placeholder")
    return reply


def get_cell(cell: Cell, template: Template, cells: Cells, http: Http) -> Reply:
    """The picture of a cell, from the store or the service; FetchError where it cannot be had."""
    address = template.fill(cells.name_values(cell), cell.row + cell.col)
    return http.get(address, check=partial(check_picture, cells=cells, name=address))


def _mark_placeholders(fetched: Fetched) -> None:
    """The same picture at several places says 'no imagery here', in whatever words."""
    often = {
        digest
        for digest, count in Counter(fetched.digests.values()).items()
        if count >= _SAME_PICTURE
    }
    for cell in [cell for cell, digest in fetched.digests.items() if digest in often]:
        fetched.failed[cell] = "placeholder"
        del fetched.times[cell]


def _explain_nothing(template: Template, fetched: Fetched) -> MapsightError:
    reasons = _count(fetched.failed)
    if fetched.first_fault:
        return MapsightError(
            template.host, f"no tile could be fetched ({reasons})", fetched.first_fault
        )
    return MapsightError(
        template.host, f"has no imagery here ({reasons})", "try a lower zoom, or another service"
    )


def _describe(cells: Cells, box: GeoBox, fetched: Fetched, wanted: int) -> tuple[str, ...]:
    ground_m = cells.unit * measure_unit_m(cells.crs, box)
    at = f"zoom {cells.zoom}: " if cells.zoom is not None else ""
    notes = [f"{at}{ground_m:.3f} m/px in the source, {box.m_per_px:g} m/px in the image"]
    if ground_m > box.m_per_px * 1.1:
        notes.append("the source is coarser than the image: its pixels are blown up")
    if fetched.failed:
        notes.append(
            f"{len(fetched.failed)} of {wanted} tiles are no data: {_count(fetched.failed)}"
        )
    if fetched.first_fault:
        notes.append(f"the first fault: {fetched.first_fault}")
    return tuple(notes)


def _count(failed: dict[Cell, str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in Counter(failed.values()).most_common())
