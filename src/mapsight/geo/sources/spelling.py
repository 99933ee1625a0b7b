"""Addresses as other programs write them (JOSM, iD, QGIS, Leaflet, OpenLayers), in our spelling."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from mapsight.errors import InputError

_WEB_MERCATOR = "EPSG:3857"
_JOSM = re.compile(r"([a-z_]+)(?:\[(?:(\d{1,2})[,-])?(\d{1,2})\])?:(?=https?:)", re.I)
_QGIS = re.compile(r"[A-Za-z-]+=[^?{}]*")
_ENCODED = re.compile(r"%7B((?:[^%{}]|%(?!7D)[0-9A-F]{2}){1,40})%7D", re.I)
_DOLLAR = re.compile(r"\$\{(\w+)\}|\{\$(\w+)\}")
_RANGE = re.compile(r"\{([a-z0-9])-([a-z0-9])\}")
_EDGES = {"w": "west", "s": "south", "e": "east", "n": "north"}
# written for a screen's density, or for the one CRS that every such service has
_FILLED = {
    "r": "",
    "ratio": "",
    "@2x": "",
    "@2x|@3x": "",
    "proj": _WEB_MERCATOR,
    "crs": _WEB_MERCATOR,
    "srs": _WEB_MERCATOR,
    "wkid": _WEB_MERCATOR.removeprefix("EPSG:"),
}


class Spelled(NamedTuple):
    """A template in our spelling, and the coarsest and finest zoom that its address states."""

    text: str
    zooms: tuple[int, int] | None = None


def spell_template(text: str) -> Spelled:
    """The template that another program's address means; one of ours comes back as it is.

    Raises InputError for services of these programs that no template can stand for.
    """
    text, zooms = _read_josm(text.strip())
    if _QGIS.match(text) and "url=" in text and "://" not in text.partition("=")[0]:
        text, zooms = _read_qgis(text)
    text = _ENCODED.sub(lambda found: "{" + unquote(found[1]) + "}", text)
    text = _DOLLAR.sub(lambda found: "{" + (found[1] or found[2]) + "}", text)
    text = _RANGE.sub(_list_range, text)
    if all(f"{{{edge}}}" in text for edge in _EDGES):
        text = re.sub(r"\{([wsen])\}", lambda found: "{" + _EDGES[found[1]] + "}", text)
    text = re.sub(r"\{([^{}]*)\}", lambda found: _FILLED.get(found[1].lower(), found[0]), text)
    return Spelled(_state_version(text), zooms)


def _read_josm(text: str) -> Spelled:
    """JOSM's `tms[2,19]:` and `wms:` before an address."""
    found = _JOSM.match(text)
    if found is None:
        return Spelled(text)
    kind = found[1].lower()
    if kind == "stac":
        return Spelled(text)
    if kind not in ("tms", "wms", "xyz"):
        raise InputError(
            f"{kind}:",
            "only tms: and wms: of JOSM's kinds have a template",
            "give the address of a tile or of GetMap, with its placeholders",
        )
    zooms = (int(found[2] or 0), int(found[3])) if found[3] else None
    return Spelled(text[found.end() :], zooms)


def _read_qgis(text: str) -> Spelled:
    """QGIS's `type=xyz&url=…` of a layer, or `crs=…&layers=…&url=…` of a WMS."""
    said = {name.lower(): value for name, value in parse_qsl(text, keep_blank_values=True)}
    if any(said.get(name) for name in ("username", "password", "authcfg")):
        raise InputError(
            "QGIS's address",
            "holds a name or a password",
            "leave them away; give a key as {env:NAME} in url",
        )
    if "tilematrixset" in said:
        raise InputError(
            "QGIS's address",
            "is that of a WMTS, which QGIS asks for its template",
            "give the address of a tile, and --tile-matrix-set",
        )
    url = said.get("url", "")
    if "layers" in said:
        return Spelled(_write_getmap(url, said))
    low, high = said.get("zmin", ""), said.get("zmax", "")
    return Spelled(url, (int(low or 0), int(high)) if high.isdigit() else None)


def _write_getmap(url: str, said: dict[str, str]) -> str:
    """The GetMap address of a WMS layer of QGIS."""
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    crs, form = said.get("crs") or _WEB_MERCATOR, said.get("format") or "image/png"
    return (
        f"{url}{joint}SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS={said['layers']}"
        f"&STYLES={said.get('styles', '')}&FORMAT={form}&CRS={crs}"
        "&WIDTH={width}&HEIGHT={height}&BBOX={bbox}"
    )


def _list_range(found: re.Match[str]) -> str:
    """OpenLayers' {a-c} as a list of hosts."""
    first, last = ord(found[1]), ord(found[2])
    if first >= last or found[1].isdigit() != found[2].isdigit():
        return found[0]
    return "{switch:" + ",".join(map(chr, range(first, last + 1))) + "}"


def _state_version(text: str) -> str:
    """A WMS without VERSION answers in its newest: the word CRS is 1.3.0's, SRS is older, and the
    two differ in the order of axes.
    """
    if not re.search(r"[?&](service=wms|request=getmap)(&|$)", text, re.I):
        return text
    if re.search(r"[?&]version=[^&]", text, re.I):
        return text
    text = re.sub(r"([?&])version=(?=&|$)", r"\1", text, flags=re.I)
    version = "1.3.0" if re.search(r"[?&]crs=", text, re.I) else "1.1.1"
    return f"{text}&VERSION={version}"
