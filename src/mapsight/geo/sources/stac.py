"""Imagery from a STAC catalogue: items found by place, date and clouds, read as cloud-optimised
GeoTIFFs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import shapely
from rasterio.io import DatasetReader
from rasterio.warp import transform_bounds
from shapely.geometry import box as make_box

from mapsight.errors import MapsightError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.sources.address import Address, fill_keys
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.catalogue import (
    Item,
    StacSettings,
    check_inward,
    find_items,
    read_attribution,
)
from mapsight.geo.sources.http import Http
from mapsight.geo.sources.mosaic import write_mosaic
from mapsight.geo.sources.pictures import Picture, PictureReader
from mapsight.geo.sources.record import Gathered, describe_summary, span_times
from mapsight.geo.sources.remote import open_env, open_remote

_ENOUGH = 1e-4  # of the area: gaps that are smaller are not worth another item


def fetch_stac(
    area: Area, catalogue: str, *, out: Path, m_per_px: float, http: Http, settings: StacSettings
) -> Gathered:
    """Write the clearest and newest imagery of a catalogue over the area to `out`.

    Items that cannot be read are no data and counted. Raises InputError where nothing fits,
    MapsightError where the catalogue cannot be asked.
    """
    root, box = fill_keys(catalogue), area.choose_grid(m_per_px)
    found = find_items(area, root, http, settings)
    chosen = choose_items(found, area)
    request = {
        "items": [[item.name, item.href] for item in chosen],
        "box": str(box),
        "settings": asdict(settings),
    }
    pictures = [_make_picture(item, root, box, http, settings) for item in chosen]
    reader = PictureReader(pictures, box, bands=settings.bands, scale=settings.scale, forgive=True)
    attribution = settings.attribution or read_attribution(root, http, settings.collection)
    with open_env(), reader:
        summary = write_mosaic(
            out, box, reader.read, request=request, title="reading items", attribution=attribution
        )
    if not summary.share_valid:
        reason = next(iter(reader.failed.values()), "their files are empty here")
        raise MapsightError(
            root,
            f"none of {len(chosen)} items could be read: {reason}",
            "try another asset or date",
        )
    notes = [f"{len(found)} items fit, {len(chosen)} cover the area: {_describe_dates(chosen)}"]
    notes += [f"{name}: {reason}" for name, reason in list(reader.failed.items())[:3]]
    return Gathered(
        kind="stac",
        source=f"{root}#{settings.collection}",
        attribution=attribution,
        fetched=len(chosen) - len(reader.failed),
        fetched_between=span_times([time.time()]),
        failed={"unreadable": len(reader.failed)} if reader.failed else {},
        share_valid=summary.share_valid,
        notes=tuple(notes),
        details={"items": [_describe_item(item) for item in chosen], **describe_summary(summary)},
    )


def choose_items(items: Sequence[Item], area: Area) -> list[Item]:
    """The first items that together cover as much of the area as all of them do."""
    wanted = make_box(*area.bbox)
    left, chosen = wanted, []
    for item in items:
        rest = shapely.difference(left, item.outline)
        if left.area - rest.area > _ENOUGH * wanted.area:
            chosen.append(item)
            left = rest
    return chosen or list(items[:1])


def _make_picture(
    item: Item, root: Address, box: GeoBox, http: Http, settings: StacSettings
) -> Picture:
    assert box.crs is not None
    bounds = transform_bounds("EPSG:4326", box.crs, *item.outline.bounds, densify_pts=21)
    return Picture(
        item.name, partial(_open_item, item, root, box, http, settings.sign), bounds, item.bands
    )


def _open_item(
    item: Item, root: Address, box: GeoBox, http: Http, sign: str | None
) -> DatasetReader:
    check_inward(item.href, root)
    return open_remote(item.href, box, http, name=item.name, sign=sign)


def _describe_dates(items: Sequence[Item]) -> str:
    days = sorted({item.date[:10] for item in items})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _describe_item(item: Item) -> dict[str, Any]:
    return {
        "id": item.name,
        "datetime": item.date,
        "cloud_cover": item.cloud,
        "href": item.href.split("?")[0],
    }
