"""What a way on a map is: its class, its width, whether it is seen from above. One rule for all
formats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

# Metres of paved surface by class: usual cross-sections; OSM draws each carriageway of a divided
# road.
ROAD_WIDTH_M: dict[str, float] = {
    "motorway": 12.0,
    "motorway_link": 7.0,
    "trunk": 11.0,
    "trunk_link": 7.0,
    "primary": 10.0,
    "primary_link": 6.5,
    "secondary": 9.0,
    "secondary_link": 6.0,
    "tertiary": 8.0,
    "tertiary_link": 6.0,
    "residential": 7.0,
    "unclassified": 6.0,
    "living_street": 5.5,
    "busway": 7.0,
    "service": 4.5,
    "road": 7.0,
}
DEFAULT_CLASS = "road"

# Ways that are not checked, but that explain why a net saw a road there.
_OTHER_HIGHWAYS = frozenset({
    "track", "path", "footway", "cycleway", "bridleway", "steps", "pedestrian", "raceway",
    "bus_guideway", "platform",
})  # fmt: skip
_OTHER_KEYS = {
    "railway": frozenset(
        {
            "rail",
            "light_rail",
            "tram",
            "narrow_gauge",
            "preserved",
            "monorail",
            "disused",
            "abandoned",
        }
    ),
    "aeroway": frozenset({"runway", "taxiway", "taxilane"}),
    "waterway": frozenset({"river", "stream", "canal", "ditch", "drain", "fairway"}),
}
_UNBUILT = frozenset({"proposed", "planned", "construction"})
_SYNONYMS = {
    "freeway": "motorway", "highway": "motorway", "arterial": "primary", "collector": "secondary",
    "local": "residential", "street": "residential", "minor": "residential",
    "alley": "service", "driveway": "service", "parking_aisle": "service", "bus": "busway",
    "trail": "path", "sidewalk": "footway", "bike": "cycleway", "stairs": "steps",
    "rail": "railway", "river": "waterway", "stream": "waterway", "canal": "waterway",
    # US Census feature codes
    "s1100": "motorway", "s1200": "secondary", "s1400": "residential", "s1500": "track",
    "s1630": "motorway_link", "s1640": "service", "s1710": "footway", "s1720": "steps",
    "s1730": "service", "s1740": "service", "s1780": "service", "s1820": "cycleway",
}  # fmt: skip
_CLASS_COLUMNS = (
    "road_class",
    "fclass",
    "roadclass",
    "class",
    "road_type",
    "functional_class",
    "mtfcc",
    "type",
)
_ID_COLUMNS = ("road_id", "osm_id", "@id", "osmid", "way_id", "linearid", "id")
_NAME_COLUMNS = ("name", "street", "street_name", "streetname", "fullname", "full_name", "ref")
_FLAG_COLUMNS = (
    "tunnel",
    "covered",
    "indoor",
    "location",
    "visible",
    "area",
    "width_m",
    "width",
    "proposed",
)
#: Lower-case names of the columns that are looked at; a reader may leave all others alone.
COLUMNS = frozenset(
    (
        "highway",
        "construction",
        "other_tags",
        *_OTHER_KEYS,
        *_CLASS_COLUMNS,
        *_ID_COLUMNS,
        *_NAME_COLUMNS,
        *_FLAG_COLUMNS,
    )
)
_NO = frozenset({"", "no", "n", "false", "f", "0", "0.0", "none", "nan"})
_WIDTH_RANGE_M = (1.5, 80.0)
_FOOT_M = 0.3048


class WayClass(NamedTuple):
    """role: 'road' (is checked), 'other' (explains a prediction), '' (of no concern); its class;
    visible.
    """

    role: str
    road_class: str
    visible: bool


def classify_way(tags: Mapping[str, str]) -> WayClass:
    """Class of a way by its OSM tags, or by the columns of a table (names in lower case)."""
    hidden = _is_hidden(tags)
    highway = _first_word(tags.get("highway", ""))
    if highway:
        return _classify_highway(highway, tags, hidden)
    for key, values in _OTHER_KEYS.items():
        value = _first_word(tags.get(key, ""))
        if value and value not in _NO:
            return WayClass(
                "other" if value in values and not hidden else "",
                key if key != "aeroway" else value,
                True,
            )
    stated = next((tags[column] for column in _CLASS_COLUMNS if tags.get(column)), "")
    return _classify_name(_first_word(stated), hidden)


def read_width(tags: Mapping[str, str], road_class: str) -> float:
    """Metres: as stated (column width_m; OSM's width, in metres or feet) where plausible, else by
    class.
    """
    stated = tags.get("width_m") or (tags.get("width", "") if "highway" in tags else "")
    number = re.match(r"\s*(\d+(?:[.,]\d+)?)\s*(m|'|ft)?", stated)
    if number is not None:
        width_m = float(number[1].replace(",", ".")) * (
            _FOOT_M if number[2] in ("'", "ft") else 1.0
        )
        if math.isfinite(width_m) and _WIDTH_RANGE_M[0] <= width_m <= _WIDTH_RANGE_M[1]:
            return width_m
    return ROAD_WIDTH_M.get(road_class, ROAD_WIDTH_M[DEFAULT_CLASS])


def name_way(tags: Mapping[str, str]) -> str:
    """The name of a way, or an empty string."""
    return next((tags[column] for column in _NAME_COLUMNS if tags.get(column)), "")


def identify_way(tags: Mapping[str, str], fallback: str) -> str:
    """The identity that the map's makers gave a way, else `fallback`."""
    return next((tags[column] for column in _ID_COLUMNS if tags.get(column)), fallback)


def spread_other_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that GDAL's OSM layers hide in one column, `"tunnel"=>"yes","width"=>"4"`, set free."""
    hidden = tags.pop("other_tags", "")
    return {**dict(re.findall(r'"([^"]+)"=>"([^"]*)"', hidden)), **tags}


def _classify_highway(highway: str, tags: Mapping[str, str], hidden: bool) -> WayClass:
    if highway in _UNBUILT:
        planned = _first_word(tags.get(highway, ""))
        if planned in _OTHER_HIGHWAYS:
            return WayClass("", planned, False)
        return WayClass("road", planned if planned in ROAD_WIDTH_M else DEFAULT_CLASS, False)
    if tags.get("area", "") not in _NO:
        return WayClass("", highway, False)
    return _classify_name(highway, hidden, unknown="")


def _classify_name(name: str, hidden: bool, unknown: str = "road") -> WayClass:
    """Role of a class by its name; what no table knows (numbers, local words) has the role
    `unknown`.
    """
    name = _SYNONYMS.get(name, name)
    if name.startswith("track"):  # track_grade3
        name = "track"
    if name in ROAD_WIDTH_M:
        return WayClass("road", name, not hidden)
    if name in _UNBUILT:
        return WayClass("road", DEFAULT_CLASS, False)
    if name in _OTHER_HIGHWAYS or name in ("railway", "waterway", "runway", "taxiway"):
        return WayClass("" if hidden else "other", name, True)
    return WayClass(unknown, DEFAULT_CLASS, not hidden)


def _is_hidden(tags: Mapping[str, str]) -> bool:
    """In a tunnel, under a roof, indoors, underground; or said to be invisible by ourselves."""
    flagged = any(
        tags.get(key, "").strip().lower() not in _NO for key in ("tunnel", "covered", "indoor")
    )
    unseen = tags.get("visible", "").strip().lower() in _NO - {"", "none", "nan"}
    return flagged or unseen or tags.get("location", "") == "underground"


def _first_word(value: str) -> str:
    """`['residential', 'tertiary']`, as OSMnx writes merged ways, is residential."""
    word = re.search(r"[a-z][a-z0-9_]*", value.strip().lower())
    return word[0] if word else ""
