"""Asking a STAC catalogue: what it sends may be anything, and is believed only as far as it
goes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import shapely
from shapely.geometry import shape

from mapsight.errors import InputError, MapsightError
from mapsight.geo.scaling import Scale
from mapsight.geo.sources.address import Address, check_url
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.extra import import_extra
from mapsight.geo.sources.http import Http
from mapsight.geo.sources.inner import is_inward

_ASSETS = ("visual", "image", "rendered", "data")
_COLOURS = ("red", "green", "blue")
_DATE = re.compile(r"[\dTZ:.\-]{4,30}(/[\dTZ:.\-]{0,30})?|\.\./[\dTZ:.\-]{4,30}")


@dataclass(frozen=True)
class StacSettings:
    """What is looked for. `date`: a day, month, year, or START/END; `max_cloud`: per cent, for
    items that state it; `asset`: its key (None: visual, image, … whichever is there); `sign`: an
    address with {href} that answers with a signed href, as Planetary Computer's
    /api/sas/v1/sign?href={href}.
    """

    collection: str
    date: str | None = None
    max_cloud: float | None = None
    asset: str | None = None
    bands: tuple[int, ...] | None = None
    scale: Scale | None = None
    sign: str | None = None
    max_items: int = 500
    attribution: str = ""


@dataclass(frozen=True)
class Item:
    """What is used of an item: id, date and clouds, outline in degrees, the file, and its RGB bands
    if known.
    """

    name: str
    date: str
    cloud: float | None
    outline: shapely.Geometry
    href: str
    bands: tuple[int, ...] | None


def find_items(area: Area, root: Address, http: Http, settings: StacSettings) -> list[Item]:
    """Items of a collection that show the area, at that date, without too many clouds; clearest and
    newest first.
    """
    if settings.date is not None and not _DATE.fullmatch(settings.date):
        raise InputError(
            f"--date {settings.date[:40]}",
            "expected a date or a span",
            "write 2023 or 2022-01-01/2023-12-31",
        )
    items = [_read_item(raw, settings) for raw in _search(area, root, http, settings)]
    there = [item for item in items if item is not None]
    limit = 100.0 if settings.max_cloud is None else settings.max_cloud
    fitting = [item for item in there if item.cloud is None or item.cloud <= limit]
    if not fitting:
        what = (
            f"{len(items)} items found, {len(there)} with a usable file, none clear enough"
            if items
            else "no item"
        )
        raise InputError(
            f"{root}#{settings.collection}",
            f"{what} for this place and date",
            "try another date, asset, collection, or a higher --max-cloud",
        )
    newest = sorted(fitting, key=lambda item: item.date, reverse=True)
    return sorted(
        newest, key=lambda item: round((item.cloud or 0.0) / 10)
    )  # ten per cent of clouds are worth a date


def read_attribution(root: Address, http: Http, collection: str) -> str:
    """Licence and providers as the collection states them; empty where it does not."""
    try:
        about = json.loads(
            http.get(
                Address(f"{root.url.rstrip('/')}/collections/{quote(collection)}", root.shown),
                keep=False,
            ).content
        )
        names = [str(provider["name"]) for provider in about.get("providers", [])]
        return _clean("; ".join([*names, f"licence {about['license']}"]))
    except (MapsightError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def check_inward(href: str, root: Address) -> None:
    """A public catalogue has no business with machines of the local network."""
    if is_inward(urlsplit(href).hostname) and not is_inward(urlsplit(root.url).hostname):
        raise InputError(root, "points into the local network", "do not use this catalogue")


def _search(area: Area, root: Address, http: Http, settings: StacSettings) -> list[dict[str, Any]]:
    """Raw items; what a catalogue sends may be anything, so all that the library stumbles over is
    its fault.
    """
    pystac_client = import_extra("pystac_client")
    try:
        client = pystac_client.Client.open(root.url, stac_io=_make_io(http, root))
        search = client.search(
            collections=[settings.collection],
            bbox=list(area.bbox),
            datetime=settings.date,
            limit=100,
            max_items=settings.max_items,
        )
        return list(search.items_as_dicts())
    except MapsightError:
        raise
    except (Exception, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}".replace(root.url, root.shown)
        raise MapsightError(
            root, f"is no STAC API that can be searched ({_clean(reason)})", "check the address"
        ) from None


def _make_io(http: Http, root: Address) -> Any:
    """pystac-client's way to the network, led through ours: polite, bounded, and never to local
    files.
    """
    api = import_extra("pystac_client.stac_api_io")

    class PoliteIO(api.StacApiIO):  # type: ignore[misc, name-defined]
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            if isinstance(source, str):  # the library would open what is no URL as a local file
                return self.request(source, *args, **kwargs)
            return str(super().read_text(source, *args, **kwargs))

        def request(
            self, href: str, method: str | None = None, headers: Any = None, parameters: Any = None
        ) -> str:
            check_url(href)
            check_inward(href, root)
            asked = root if href == root.url else Address(href, href)
            if (method or "GET").upper() == "POST":
                reply = http.post(asked, body=parameters, headers=headers, keep=False)
            else:
                reply = http.get(_add_parameters(asked, parameters), headers=headers, keep=False)
            return reply.content.decode("utf-8")

    return PoliteIO()


def _add_parameters(asked: Address, parameters: dict[str, Any] | None) -> Address:
    if not parameters:
        return asked
    pairs = "&".join(
        f"{quote(str(name))}={quote(_spell(value))}" for name, value in parameters.items()
    )
    joint = "&" if "?" in asked.url else "?"
    return replace(asked, url=asked.url + joint + pairs, shown=asked.shown + joint + pairs)


def _spell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _read_item(raw: Any, settings: StacSettings) -> Item | None:
    """What is used of a raw item, or None where it has no file for us."""
    try:
        properties = raw["properties"]
        asset = _choose_asset(raw["assets"], settings.asset)
        outline = shapely.make_valid(shape(raw["geometry"]))
        cloud = properties.get("eo:cloud_cover")
        date = properties.get("datetime") or properties.get("start_datetime") or ""
        if asset is None or outline.is_empty:
            return None
        home = next(
            (link["href"] for link in raw.get("links", []) if link.get("rel") == "self"), ""
        )
        return Item(
            _clean(raw["id"]),
            _clean(date),
            None if cloud is None else float(cloud),
            outline,
            urljoin(str(home), str(asset["href"])),
            _find_colours(asset),
        )
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        return None


def _choose_asset(assets: dict[str, Any], wanted: str | None) -> dict[str, Any] | None:
    for key in (wanted,) if wanted else _ASSETS:
        if key in assets:
            return dict(assets[key])
    if wanted:
        return None
    tiffs = [asset for asset in assets.values() if "tiff" in str(asset.get("type", "")).lower()]
    return dict(tiffs[0]) if tiffs else None


def _find_colours(asset: dict[str, Any]) -> tuple[int, ...] | None:
    """Numbers (from 1) of the red, green and blue bands, as STAC 1.0 or 1.1 names them."""
    bands = asset.get("eo:bands") or asset.get("bands") or []
    names = [
        str(band.get("common_name") or band.get("eo:common_name") or band.get("name")).lower()
        for band in bands
    ]
    return (
        tuple(names.index(colour) + 1 for colour in _COLOURS)
        if set(_COLOURS) <= set(names)
        else None
    )


def _clean(text: object) -> str:
    """Words of others for terminals and records: printable, one line, short."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())[
        :300
    ]
