"""Roads from an Overpass service: one question for a bounding box, and an answer that is not
trusted.
"""

from __future__ import annotations

import json
import re
from typing import Any

import geopandas as gpd

from mapsight.errors import InputError
from mapsight.geo.maps.elements import iterate_elements
from mapsight.geo.maps.roadclass import KEYS
from mapsight.geo.maps.ways import Tally
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.http import FetchError, Http
from mapsight.geo.sources.roads import OSM_TERMS, frame_roads, pad_area
from mapsight.geo.sources.store import Reply

ENDPOINT = "https://overpass-api.de/api/interpreter"
MAX_KM2 = 400.0  # of a public service; beyond that an extract is faster, and fairer to others
_TIMEOUT_S = 90
_MEMORY_BYTES = 256 * 2**20
_STAMP = re.compile(r"^20\d\d-[\d:TZ-]{1,20}$")


def fetch_overpass(
    area: Area,
    http: Http,
    *,
    endpoint: str = ENDPOINT,
    timeout_s: int = _TIMEOUT_S,
    max_km2: float = MAX_KM2,
) -> gpd.GeoDataFrame:
    """Roads of an area as `read_roads` gives them, from an Overpass service; `attrs` names terms
    and date.

    Refused, overloaded or timed-out questions are asked again with growing pauses (as `http` is
    set); an answer that says it is incomplete is never used. Raises InputError for areas above
    `max_km2` and for places without a way, FetchError where no answer can be had.
    """
    if area.km2 > max_km2:
        raise InputError(
            f"--bbox {area}",
            f"{area.km2:.0f} km² are above the limit of {max_km2:.0f} for Overpass",
            "take an extract (.osm.pbf), or raise the limit for a service of your own",
        )
    reply = http.post(
        endpoint, data={"data": write_query(area, timeout_s=timeout_s)}, check=check_answer
    )
    answer = parse_answer(reply)
    tally = Tally()
    tally.note_columns(KEYS)
    roads = frame_roads(iterate_elements(answer["elements"], answer), area, tally)
    if roads.empty:
        raise InputError(
            f"--bbox {area}",
            "OpenStreetMap has no road here",
            "check the order: W S E N in degrees",
        )
    stamp = (
        str(answer.get("osm3s", {}).get("timestamp_osm_base", ""))
        if isinstance(answer.get("osm3s"), dict)
        else ""
    )
    roads.attrs |= {"attribution": OSM_TERMS, "data_of": stamp if _STAMP.match(stamp) else ""}
    return roads


def write_query(area: Area, *, timeout_s: int = _TIMEOUT_S) -> str:
    """The question in Overpass QL: linear ways in the area and 50 m around it, with tags and
    coordinates.
    """
    west, south, east, north = (f"{edge:.7f}" for edge in pad_area(area))
    wanted = "".join(f'way["{key}"]({south},{west},{north},{east});' for key in KEYS)
    return f"[out:json][timeout:{timeout_s}][maxsize:{_MEMORY_BYTES}];({wanted});out body geom;"


def check_answer(reply: Reply) -> None:
    """FetchError unless an answer is whole: JSON with elements and without a remark, which tells of
    an error.

    Overpass answers with status 200 before it knows whether it will run out of time or memory.
    """
    parse_answer(reply)


def parse_answer(reply: Reply) -> dict[str, Any]:
    """The answer as a table with a list `elements`; FetchError for anything else."""
    try:
        answer = json.loads(reply.content)
    except (ValueError, RecursionError):
        raise _refuse_page(reply.content) from None
    if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
        raise _refuse("no list of elements", "damaged")
    if remark := str(answer.get("remark") or ""):
        raise _refuse(remark, "busy" if "timed out" in remark or "timeout" in remark else "other")
    return answer


def _refuse(reason: str, kind: str) -> FetchError:
    remedy = {
        "busy": "ask for a smaller area, or later",
        "other": "ask for a smaller area, or take an extract",
    }
    return FetchError(
        "Overpass",
        f"gave no complete answer ({' '.join(reason.split())[:120]})",
        remedy.get(kind, "try again later, or another --overpass endpoint"),
        kind=kind,
    )


def _refuse_page(content: bytes) -> FetchError:
    """What is no JSON: an error page, told without its markup, or an answer that was cut off (worth
    asking again).
    """
    text = " ".join(re.sub(r"<[^>]*>", " ", content[:4000].decode("utf-8", "replace")).split())
    said = re.search(r"(?:Error|error|rate_limited).{0,100}", text)
    busy = re.search(r"rate_limited|too busy|timeout|timed out", text)
    error = _refuse(said[0] if said else "it is no JSON, or cut off", "busy" if busy else "damaged")
    error.again = error.again or content.lstrip()[:1] == b"{"
    return error
