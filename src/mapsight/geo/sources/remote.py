"""GeoTIFFs on the web, read through GDAL's range requests."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.placing import ground_resolution, locate
from mapsight.geo.source import check_source
from mapsight.geo.sources.address import check_url, fill_keys
from mapsight.geo.sources.http import Http


def open_remote(
    href: str, box: GeoBox, http: Http, *, name: str, sign: str | None = None
) -> DatasetReader:
    """A GeoTIFF on the web, and nothing else, at the overview that is fine enough for `box`; `name`
    is for people.

    Raises InputError for what cannot be read, FetchError where no signature can be had.
    """
    if urlsplit(href).scheme not in ("http", "https"):
        scheme = urlsplit(href).scheme or "no address"
        raise InputError(
            name, f"its file is not on the web ({scheme[:20]})", "choose another asset"
        )
    url = _sign(href, http, sign) if sign else href
    check_url(url)
    try:
        source = rasterio.open(f"/vsicurl/{url}", driver="GTiff")
        try:
            level = _choose_overview(source, box)
            if level is not None:
                source.close()
                source = rasterio.open(f"/vsicurl/{url}", driver="GTiff", overview_level=level)
            check_source(source, name)
        except BaseException:
            source.close()
            raise
    except (
        RasterioError,
        InputError,
    ):  # their words hold the address, and that may hold a signature
        raise InputError(
            name, "its file cannot be read as a GeoTIFF", "is it public, or does it want --sign?"
        ) from None
    return source


def _choose_overview(source: DatasetReader, box: GeoBox) -> int | None:
    """The coarsest overview that is still as fine as the image: fewer bytes over the network."""
    assert box.crs is not None
    spare = box.m_per_px / ground_resolution(locate(source), box.crs)
    fine = [number for number, factor in enumerate(source.overviews(1)) if factor <= spare * 1.01]
    return fine[-1] if fine else None


def _sign(href: str, http: Http, template: str) -> str:
    """The signed address of a file; it is a key, and goes nowhere but to the service."""
    if "{href}" not in template:
        raise InputError(template[:80], "expected {href} in it", "write https://…/sign?href={href}")
    address = fill_keys(template.replace("{href}", quote(href, safe="")))
    try:
        signed = json.loads(http.get(address, keep=False).content)["href"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            urlsplit(template).hostname, "does not answer with a signed href", "check --sign"
        ) from None
    check_url(str(signed))
    return str(signed)


@contextmanager
def open_env(http: Http) -> Iterator[None]:
    """How GDAL behaves on the network: patient, named, without looking around, and without
    addresses in logs.
    """
    settings, log = http.settings, logging.getLogger("rasterio")
    before = log.level
    log.setLevel(logging.WARNING)
    with rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_HTTP_TIMEOUT=settings.total_timeout_s,
        GDAL_HTTP_CONNECTTIMEOUT=settings.timeout_s,
        GDAL_HTTP_MAX_RETRY=settings.attempts - 1,
        GDAL_HTTP_RETRY_DELAY=settings.backoff_s,
        GDAL_HTTP_USERAGENT=settings.user_agent,
        GDAL_HTTP_NETRC="NO",
        GDAL_HTTP_LOW_SPEED_TIME=settings.timeout_s,
        GDAL_HTTP_LOW_SPEED_LIMIT=1,
        VSI_CACHE=True,
    ):
        try:
            yield
        finally:
            log.setLevel(before)
