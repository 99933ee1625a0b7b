"""What a way is by OpenStreetMap's tags, its width, its name, and whether it is seen from above."""

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
#: Keys of OpenStreetMap under which a way is a road or explains what looks like one.
KEYS = ("highway", "railway", "aeroway", "waterway")

# Ways that are not checked, but that explain why a net saw a road there.
_OTHER_HIGHWAYS = frozenset({
    "track", "path", "footway", "cycleway", "bridleway", "steps", "pedestrian", "raceway",
    "bus_guideway", "platform", "via_ferrata", "byway",
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
# Places at a road, and what has ceased to be one.
_NO_HIGHWAYS = frozenset(
    [
        "no",
        "none",
        "bus_stop",
        "crossing",
        "elevator",
        "corridor",
        "rest_area",
        "services",
        "street_lamp",
        "traffic_signals",
        "emergency_bay",
        "emergency_access_point",
        "escape",
        "speed_camera",
        "stop",
        "give_way",
        "milestone",
        "turning_circle",
        "turning_loop",
        "mini_roundabout",
        "motorway_junction",
        "passing_place",
        "toll_gantry",
        "trailhead",
        "razed",
        "abandoned",
        "disused",
        "demolished",
        "dismantled",
        "removed",
        "ladder",
        "virtual",
    ]
)
# Columns of other models that tell of tunnels and plans: swissTLM3D, BD TOPO, NVDB, Overture.
_STATE_COLUMNS = ("kunstbaute", "etat", "structure", "bauwerk", "medium_txt", "status", "zustand",
                  "road_flags", "tunnelbridge")  # fmt: skip
_HIDING = re.compile(
    r"tunnel|underground|souterrain|galleria|en projet|en construction|planned|proposed"
    r"|in planung|im bau|under construction|is_under_construction"
)
_UNBUILT = frozenset({"proposed", "planned", "construction"})
_ID_COLUMNS = ("road_id", "osm_id", "@id", "osmid", "way_id", "linearid", "id")
_NAME_COLUMNS = ("name", "street", "street_name", "streetname", "fullname", "full_name", "ref")
_NO = frozenset({"", "no", "n", "false", "f", "0", "0.0", "none", "nan"})
_WIDTH_RANGE_M = (1.5, 80.0)
_FOOT_M = 0.3048


class WayClass(NamedTuple):
    """What a way is.

    role: 'road' (is checked), 'other' (explains a prediction), '' (of no concern); its class;
    whether it can be seen from above; the value that says what it is, where that is unknown.
    """

    role: str
    road_class: str
    visible: bool
    unknown: str = ""


def classify_osm(tags: Mapping[str, str]) -> WayClass:
    """What a way is by OpenStreetMap's tags; without one of its keys it is of no concern.

    Parameters
    ----------
    tags
        Keys in lower case.
    """
    hidden = is_hidden(tags)
    stated = tags.get("highway", "").strip()
    if stated.lower() not in _NO:
        return _classify_highway(_first_word(stated) or stated, tags, hidden)
    for key, values in _OTHER_KEYS.items():
        value = _first_word(tags.get(key, ""))
        if value and value not in _NO:
            seen = "other" if value in values and not hidden else ""
            return WayClass(seen, key if key != "aeroway" else value, True)
    return WayClass("", "", not hidden)


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


def _classify_highway(highway: str, tags: Mapping[str, str], hidden: bool) -> WayClass:
    if highway in _UNBUILT:
        planned = _first_word(tags.get(highway, ""))
        if planned in _OTHER_HIGHWAYS:
            return WayClass("", planned, False)
        return WayClass("road", planned if planned in ROAD_WIDTH_M else DEFAULT_CLASS, False)
    if tags.get("area", "") not in _NO:
        return WayClass("", highway, False)
    if highway.startswith("track"):
        highway = "track"
    if highway in ROAD_WIDTH_M:
        return WayClass("road", highway, not hidden)
    if highway in _OTHER_HIGHWAYS:
        return WayClass("" if hidden else "other", highway, True)
    return WayClass("", highway, not hidden, "" if highway in _NO_HIGHWAYS else highway)


def is_hidden(tags: Mapping[str, str]) -> bool:
    """In a tunnel, under a roof, indoors, underground, not yet built; or said so by ourselves."""
    flagged = any(
        tags.get(key, "").strip().lower() not in _NO for key in ("tunnel", "covered", "indoor")
    )
    unseen = tags.get("visible", "").strip().lower() in _NO - {"", "none", "nan"}
    told = any(_HIDING.search(tags.get(key, "").lower()) for key in _STATE_COLUMNS)
    return flagged or unseen or told or tags.get("location", "") == "underground"


def _first_word(value: str) -> str:
    """`['residential', 'tertiary']`, as OSMnx writes merged ways, is residential."""
    word = re.search(r"[a-z][a-z0-9_]*", value.strip().lower())
    return word[0] if word else ""
