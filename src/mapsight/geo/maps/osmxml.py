"""OpenStreetMap XML as the programs that write it mean it: planet extracts, JOSM, Overpass.

JOSM marks what a mapper has deleted (`action='delete'`) and gives new things negative numbers;
Overpass may write ways before nodes, or the places of nodes inside the way (`out geom`). A file of
changes and a file of histories are no map of one day, and are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat

from mapsight.errors import InputError
from mapsight.geo.maps.elements import ASK_GEOMETRY, DELETED, NO_PLACES, cut_runs
from mapsight.geo.maps.nodes import NodePlaces
from mapsight.geo.maps.ways import Way

Attributes = dict[str, str]
_Point = tuple[float, float] | None
_Open = Callable[[str, Attributes], None]
_Close = Callable[[str], None]
_CHUNK = 1 << 16
_INT64 = 2**63
_MOST_NODES = 100_000  # of a way; OpenStreetMap allows 2,000
_HISTORY = "make the state of one day: osmium time-filter {name} 2026-01-01T00:00:00Z -o roads.osm"
_CHANGES = "is a file of changes (osmChange), not a map"
_ROOTS = {
    "osmChange": (_CHANGES, "apply it to an extract: osmium apply-changes extract.osm.pbf {name}"),
    "gpx": ("is GPX, not OSM XML", "convert it: ogr2ogr roads.gpkg {name} tracks"),
    "kml": ("is KML, not OSM XML", "convert it: ogr2ogr roads.gpkg {name}"),
}


def iterate_xml_ways(path: Path, *, on_disk: bool) -> Iterator[Way]:
    """Every way of the file, in its order, with tags in lower case and its lines in degrees.

    A way whose nodes are in part missing from the file comes in the pieces that are there.

    Parameters
    ----------
    path
        An ordinary local file.
    on_disk
        Whether the places of nodes stand in a temporary file or in memory.

    Raises
    ------
    InputError
        For what is no sound OSM XML, for changes and histories, for ways without any place.
    """
    with NodePlaces(on_disk=on_disk) as places:
        nodes = _Nodes(places)
        _parse(path, nodes.open, lambda name: None)
        if places.close():
            raise InputError(
                path.name,
                "is a file of histories: a node comes in several versions",
                _HISTORY.format(name=path.name),
            )
        if nodes.ways and not nodes.count and not nodes.placed:
            raise InputError(path.name, f"holds ways, but {NO_PLACES}", ASK_GEOMETRY)
        ways = _Ways(places, path.name)
        for _ in _iterate_chunks(path, ways.open, ways.close):
            yield from ways.take()


class _Nodes:
    """The first look: where each node is, and what kind of file this is."""

    def __init__(self, places: NodePlaces) -> None:
        self._places, self.count, self.ways, self.placed = places, 0, 0, False

    def open(self, name: str, of: Attributes) -> None:
        if name == "node":
            self.count += 1
            if (point := _read_point(of)) is not None and _is_alive(of):
                self._places.add(_read_int(of.get("id")), *point)
        elif name == "way":
            self.ways += 1
        elif name == "nd" and "lat" in of:
            self.placed = True


class _Ways:
    """The second look: ways with their tags and the places of their nodes."""

    def __init__(self, places: NodePlaces, name: str) -> None:
        self._places, self._name, self._done = places, name, list[Way]()
        self._way: Attributes | None = None
        self._refs, self._points, self._tags = list[int](), list[_Point](), dict[str, str]()
        self._last = (0, "")

    def open(self, name: str, of: Attributes) -> None:
        if name == "way":
            self._way, self._refs, self._points, self._tags = of, [], [], {}
        elif self._way is None:
            return
        elif name == "nd":
            self._refs.append(_read_int(of.get("ref", "0")))
            self._points.append(_read_point(of))
            if len(self._refs) > _MOST_NODES:
                raise InputError(self._name, "holds a way of too many nodes", "export it again")
        elif name == "tag" and "k" in of:
            self._tags[of["k"].lower()] = of.get("v", "")

    def close(self, name: str) -> None:
        if name == "relation":
            self._way = None
        if name != "way" or self._way is None:
            return
        identity, version = _read_int(self._way.get("id")), self._way.get("version", "")
        if identity == self._last[0] and version != self._last[1]:
            raise InputError(
                self._name,
                f"is a file of histories: way {identity} comes in several versions",
                _HISTORY.format(name=self._name),
            )
        self._last = (identity, version)
        self._done.append(self._finish(str(identity)))
        self._way = None

    def take(self) -> list[Way]:
        """What has been read since the last call."""
        done, self._done = self._done, []
        return done

    def _finish(self, identity: str) -> Way:
        assert self._way is not None
        if not _is_alive(self._way):
            return Way(identity, self._tags, [], DELETED)
        points = self._points
        if any(point is None for point in points):
            found = self._places.find(self._refs)
            points = [own or other for own, other in zip(points, found, strict=True)]
        runs = cut_runs(points)
        return Way(identity, self._tags, runs, "" if runs else "nodes missing")


def _is_alive(of: Attributes) -> bool:
    return of.get("action") != "delete" and of.get("visible", "true").lower() != "false"


def _read_point(of: Attributes) -> _Point:
    """Degrees, or None where none are given or they are no place on earth."""
    if "lat" not in of or "lon" not in of:
        return None
    lon, lat = float(of["lon"]), float(of["lat"])
    if lon != lon or lat != lat:
        raise ValueError("a coordinate is no number")
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None


def _read_int(text: str | None) -> int:
    number = int(text or "")
    if abs(number) >= _INT64:
        raise ValueError(f"{text} is no number of OpenStreetMap's")
    return number


def _parse(path: Path, opened: _Open, closed: _Close) -> None:
    for _ in _iterate_chunks(path, opened, closed):
        pass


def _iterate_chunks(path: Path, opened: _Open, closed: _Close) -> Iterator[None]:
    """Feeds the file to the parser, and pauses after each piece of it."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def open_element(name: str, of: Attributes) -> None:
        nonlocal depth
        if not depth and name != "osm":
            what, remedy = _ROOTS.get(name, (f"is no OpenStreetMap file (it is <{name[:20]}>)", ""))
            raise InputError(path.name, what, remedy.format(name=path.name) or "fetch it again")
        depth += 1
        if depth == 2 and name == "remark":
            raise InputError(path.name, "is an answer of Overpass that broke off", "fetch it again")
        if depth == 2 and name in ("create", "modify", "delete", "action"):
            raise InputError(path.name, _CHANGES, _ROOTS["osmChange"][1].format(name=path.name))
        opened(name, of)

    def close_element(name: str) -> None:
        nonlocal depth
        depth -= 1
        closed(name)

    def refuse_entities(*_: object) -> None:
        raise ValueError("XML entities are not supported")

    parser.StartElementHandler, parser.EndElementHandler = open_element, close_element
    parser.EntityDeclHandler = refuse_entities
    parser.ExternalEntityRefHandler = None
    with path.open("rb") as stream:
        try:
            while piece := stream.read(_CHUNK):
                parser.Parse(piece, False)
                yield
            parser.Parse(b"", True)
            yield
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    reason = str(error).split("\n")[0][:100]
    return InputError(
        path.name, f"is damaged or no OpenStreetMap file ({reason})", "fetch it again"
    )
