"""Templates of tile services: what may stand in braces, in any order, and what a service is asked
with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from mapsight.errors import InputError
from mapsight.geo.sources.address import Address, fill_keys
from mapsight.geo.sources.spelling import spell_template

Kind = Literal["tiles", "wms", "static"]

_BRACES = re.compile(r"\{([^{}]*)\}")
_SWITCH = re.compile(r"(?:s|switch):([A-Za-z0-9_,.-]+)")
# what other programs call it → what we do
_ALIASES = {
    "zoom": "z",
    "level": "z",
    "row": "y",
    "col": "x",
    "ty": "-y",
    "u": "q",
    "tilematrix": "z",
    "tilecol": "x",
    "tilerow": "y",
    "quadkey": "q",
    "bbox-epsg-3857": "bbox",
    "longitude": "lon",
    "latitude": "lat",
    "w": "width",
    "h": "height",
}
_NAMES = ("z", "x", "y", "-y", "!y", "q", "s", "bbox", "lon", "lat", "width", "height")
_EDGES = frozenset({"west", "south", "east", "north"})
_ZOOM_SUM = re.compile(r"(?:(\d{1,2})-)?z(?:oom)?([+-]\d{1,2})?")  # JOSM: {22-zoom}, {zoom+1}
_KEYS = re.compile(r"(api|access|map)?[_-]?(key|token|id)|apikey|accesstoken")
_KNOWN = ", ".join(f"{{{name}}}" for name in (*_NAMES, "env:NAME"))
_REFUSED = {
    r"(.*\.)?tile\.openstreetmap\.org": "its usage policy forbids to download areas",
    r"(mt|mts|khm|khms)\d*\.google(apis)?\..+": (
        "these addresses are not meant for programs, and the terms forbid it"
    ),
}


@dataclass(frozen=True)
class Template:
    """A checked template: `text` with normal placeholders, `kind` of service, its `{s}` hosts, and
    the coarsest and finest zoom that its address states.
    """

    text: str
    kind: Kind
    subdomains: tuple[str, ...] = field(default=("a", "b", "c"))
    zooms: tuple[int, int] | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.text).hostname or ""

    def fill(self, values: Mapping[str, str], number: int) -> Address:
        """The address of one picture. `number` chooses among the hosts, always the same for the
        same picture.
        """
        values = {**values, "s": self.subdomains[number % len(self.subdomains)]}
        return fill_keys(_BRACES.sub(lambda found: _fill_one(found[1], values), self.text))


def read_template(text: str, *, subdomains: str = "abc") -> Template:
    """Check a template of XYZ, TMS, quadkey, WMTS, WMS or a static-maps service.

    It may be spelt as JOSM, iD, QGIS, Leaflet or OpenLayers spell it. InputError says what is
    missing.
    """
    text, zooms = spell_template(text)
    hosts = tuple(subdomains)
    if found := _SWITCH.search(text):
        hosts = tuple(filter(None, found[1].split(",") if "," in found[1] else found[1]))
    text = _BRACES.sub(lambda found: "{" + _normalise(found[1]) + "}", text)
    fill_keys(_BRACES.sub(lambda found: found[0] if found[1].startswith("env:") else "0", text))
    names = {"z" if _ZOOM_SUM.fullmatch(name) else name for name in map(str, _BRACES.findall(text))}
    template = Template(text, _tell_kind(names, text), hosts, zooms)
    for pattern, reason in _REFUSED.items():
        if re.fullmatch(pattern, template.host):
            raise InputError(
                template.host, reason, "use a service that allows it, or imagery of your own"
            )
    return template


def find_parameter(text: str, name: str) -> str | None:
    """The value of a query parameter that is written out in a template, in whatever case."""
    found = re.search(rf"[?&]{re.escape(name)}=([^&{{}}]*)(?:&|$)", text, re.I)
    return found[1].replace("%3A", ":").replace("%3a", ":") if found else None


def _normalise(name: str) -> str:
    if name.startswith("env:"):
        return name
    lower = name.strip().lower()
    lower = _ALIASES.get(lower, lower)
    if _SWITCH.fullmatch(lower):
        return "s"
    if lower in _NAMES or lower in _EDGES or _ZOOM_SUM.fullmatch(lower):
        return lower
    remedy = "write {env:NAME} for a key" if _KEYS.fullmatch(lower) else f"there are {_KNOWN}"
    raise InputError(f"{{{name[:40]}}}", "this placeholder is not known", remedy)


def _fill_one(name: str, values: Mapping[str, str]) -> str:
    """What stands for a placeholder; one that has no value stays."""
    if name not in values and (found := _ZOOM_SUM.fullmatch(name)) and "z" in values:
        zoom = int(values["z"]) if found[1] is None else int(found[1]) - int(values["z"])
        return str(zoom + int(found[2] or 0))
    return values.get(name, f"{{{name}}}")


def _tell_kind(names: set[str], text: str) -> Kind:
    if "bbox" in names or names >= _EDGES:
        return "wms"
    if {"lon", "lat"} <= names:
        if not ({"z"} <= names):
            raise InputError(
                text[:80], "a static map needs {zoom}", "put it where the service wants the zoom"
            )
        return "static"
    if "q" in names or ({"x", "z"} <= names and names & {"y", "-y", "!y"}):
        return "tiles"
    raise InputError(
        text[:80],
        "the template lacks {z} {x} {y}, {q}, {bbox}, or {lon} {lat} {zoom}",
        f"known: {_KNOWN}",
    )
