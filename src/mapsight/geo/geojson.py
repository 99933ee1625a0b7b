"""GeoJSON as a stream of features. Ours, because GDAL's reader fetches a CRS that is named by a
URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, parse_crs
from mapsight.geo.roadclass import identify_way
from mapsight.geo.ways import Tally, Way, parse_lines, spell_value

_CHUNK = 1 << 18
_VALUE_BUDGET = 1 << 26  # characters of one feature; more is no map
_LOOK_AHEAD = 32  # a number at the edge of the window may go on: `0` of `0.5`
_DECODER = json.JSONDecoder()
_URN = re.compile(r"^urn:(?:x-)?ogc:def:crs:(?P<authority>\w+):[\w.]*:(?P<code>\w+)$", re.I)


def read_geojson_crs(path: Path, layer: str | None = None) -> CRS | None:
    """The CRS that the file names in the old `crs` member, or None; names are looked up, never
    fetched.
    """
    if layer is not None:
        raise InputError(f"layer {layer!r}", "a GeoJSON file has no layers", "omit --layer")
    for key, value in _iterate_members(path):
        if key == "crs" and value is not None:
            return _parse_crs_member(value)
    return None


def iterate_geojson_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally
) -> Iterator[Way]:
    """All lines of the file in order, `near` or not; everything else is counted in the tally."""
    for key, feature in _iterate_members(path):
        if key != "features[]":
            continue
        tally.total += 1
        lines = parse_lines(feature.get("geometry") if isinstance(feature, dict) else None)
        if isinstance(lines, str):
            tally.dropped[lines] += 1
            continue
        tags = _read_tags(feature)
        way_id = identify_way(tags, str(tally.total))
        for line in lines:
            yield Way(way_id, tags, line)


def _read_tags(feature: dict[str, Any]) -> dict[str, str]:
    properties = feature.get("properties")
    tags = {"id": str(feature["id"])} if isinstance(feature.get("id"), (str, int)) else {}
    if isinstance(properties, dict):
        tags |= {
            key.lower(): spell_value(value)
            for key, value in properties.items()
            if value not in (None, "")
        }
    return tags


def _parse_crs_member(value: Any) -> CRS:
    properties = value.get("properties") if isinstance(value, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or value.get("type") != "name":
        raise InputError(
            "crs member", "refers to a CRS elsewhere, not fetched", "give the CRS as EPSG:<number>"
        )
    urn = _URN.match(name)
    return parse_crs(f"{urn['authority']}:{urn['code']}" if urn else name)


def _iterate_members(path: Path) -> Iterator[tuple[str, Any]]:
    """(key, value) of the outermost object, features one by one under 'features[]'; holds one at a
    time.
    """
    with path.open(encoding="utf-8-sig") as stream:
        try:
            yield from _Scanner(stream, path.name).iterate()
        except UnicodeDecodeError:
            raise InputError(
                path.name, "is not UTF-8 text, so not GeoJSON", "export it again"
            ) from None


class _Scanner:
    """A window on JSON text that grows to hold one value, and moves on."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self._stream, self._name, self._text, self._at, self._ended = stream, name, "", 0, False

    def iterate(self) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        bare: dict[str, Any] = {}
        while not self._skip("}"):
            key = self._value()
            self._expect(":")
            if key == "features" and self._skip("["):
                yield from (("features[]", feature) for feature in self._elements())
            else:
                value = self._value()
                bare[str(key)] = value
                yield str(key), value
            self._skip(",")
        if bare.get("type") == "Feature":  # a file may also be one feature, or one geometry
            yield "features[]", bare
        elif "coordinates" in bare:
            yield "features[]", {"geometry": bare}

    def _elements(self) -> Iterator[Any]:
        while not self._skip("]"):
            yield self._value()
            self._skip(",")

    def _peek(self) -> str:
        """The next character that is no blank, or '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or not self._grow():
                return self._text[self._at : self._at + 1]

    def _skip(self, sign: str) -> bool:
        found = self._peek() == sign
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            raise self._malformed(f"expected '{sign}'")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > _VALUE_BUDGET:
                    raise self._malformed(error.msg) from None
                self._grow()
                continue
            except RecursionError:
                raise self._malformed("nested too deep") from None
            except ValueError as error:  # numbers of thousands of digits
                raise self._malformed(str(error)) from None
            if self._ended or end + _LOOK_AHEAD <= len(self._text):
                self._at = end
                return value
            self._grow()

    def _grow(self) -> bool:
        """Forget what is read and at least double the rest; False at the end of the file."""
        self._text, self._at = self._text[self._at :], 0
        more = self._stream.read(max(_CHUNK, len(self._text)))
        self._text += more
        self._ended = not more
        return bool(more)

    def _malformed(self, why: str) -> InputError:
        return InputError(self._name, f"is not sound GeoJSON ({why[:80]})", "export it again")
