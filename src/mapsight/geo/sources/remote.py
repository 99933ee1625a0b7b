"""GeoTIFFs on the web, read in parts."""

from __future__ import annotations

import json
import logging
import secrets
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
from mapsight.geo.sources.address import Address, check_url, fill_keys
from mapsight.geo.sources.http import FetchError, Http
from mapsight.geo.sources.ranges import RangedFile


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
        file = RangedFile(Address(url, name), http)
    except FetchError as error:
        raise InputError(
            name, f"its file {error.expectation}", "is it public, or does it want --sign?"
        ) from None
    try:
        source = _open_file(file)
        try:
            level = _choose_overview(source, box)
            if level is not None:
                source.close()
                source = _open_file(file, overview_level=level)
            check_source(source, name)
        except BaseException:
            source.close()
            raise
    except (
        RasterioError,
        InputError,
    ):  # their words hold the address, and that may hold a signature
        if isinstance(file.fault, InputError):
            raise file.fault from None
        raise InputError(
            name, "its file cannot be read as a GeoTIFF", "is it public, or does it want --sign?"
        ) from None
    return source


def _open_file(file: RangedFile, **options: int) -> DatasetReader:
    """GDAL over our own requests: it learns neither an address nor where it leads."""
    return rasterio.open(f"{secrets.token_hex(8)}.tif", driver="GTiff", opener=file.open, **options)


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
def open_env() -> Iterator[None]:
    """How GDAL reads what is not on this disk: without looking around, and without names in
    logs.
    """
    log = logging.getLogger("rasterio")
    before = log.level
    log.setLevel(logging.WARNING)
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        try:
            yield
        finally:
            log.setLevel(before)
