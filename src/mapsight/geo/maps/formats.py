"""Which files are maps, by name and first bytes, and what to do with those that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rasterio.crs import CRS

from mapsight.errors import InputError, MapsightError
from mapsight.geo.geobox import Bounds
from mapsight.geo.maps.borrowed import borrow_file
from mapsight.geo.maps.geojson import iterate_geojson_ways, read_geojson_crs
from mapsight.geo.maps.osm import iterate_osm_ways, read_osm_crs
from mapsight.geo.maps.tables import iterate_vector_ways, read_vector_crs
from mapsight.geo.maps.ways import Tally, Way

JSON_SUFFIXES = (".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".jsonl")
OSM_SUFFIXES = (".osm", ".pbf", ".xml")


class Reader(NamedTuple):
    """How one kind of file is read: its CRS, and its features."""

    read_crs: Callable[[Path, str | None], CRS | None]
    iterate: Callable[[Path, str | None, list[Bounds], Tally], Iterator[Way]]


_TABLE = Reader(read_vector_crs, iterate_vector_ways)
READERS: dict[str, Reader] = {
    ".gpkg": _TABLE,
    ".shp": _TABLE,
    **dict.fromkeys(JSON_SUFFIXES, Reader(read_geojson_crs, iterate_geojson_ways)),
    **dict.fromkeys(OSM_SUFFIXES, Reader(read_osm_crs, iterate_osm_ways)),
}
_SHOWN = (".gpkg", ".shp", ".geojson", ".json", ".osm", ".pbf")
_CONVERT = "convert it: ogr2ogr roads.gpkg {name}"
_UNPACK = "unpack it first"
# Ending or first bytes → what it is, and what to do.
_BY_NAME = {
    ".osc": ("a file of changes (osmChange)", "apply it: osmium apply-changes extract.pbf {name}"),
    ".osh": ("a file of histories", "make the state of one day: osmium time-filter {name} DATE"),
    ".osh.pbf": (
        "a file of histories",
        "make the state of one day: osmium time-filter {name} DATE",
    ),
    ".o5m": ("an o5m file", "convert it: osmium cat {name} -o roads.osm.pbf"),
    ".topojson": ("TopoJSON", _CONVERT),
    ".gpx": ("GPX", "convert it: ogr2ogr roads.gpkg {name} tracks"),
    ".kml": ("KML", _CONVERT),
    ".kmz": ("KMZ", _CONVERT),
    ".gml": ("GML", _CONVERT),
    ".fgb": ("FlatGeobuf", _CONVERT),
    **dict.fromkeys((".parquet", ".geoparquet"), ("GeoParquet", _CONVERT)),
    **dict.fromkeys((".arrow", ".feather"), ("an Arrow table", _CONVERT)),
    **dict.fromkeys((".mbtiles", ".pmtiles", ".mvt"), ("vector tiles", _CONVERT)),
    ".mdb": ("an Access database", _CONVERT),
    ".mif": ("a MapInfo table", _CONVERT),
    ".sqlite": ("SQLite or SpatiaLite", _CONVERT),
    ".db": ("SQLite or SpatiaLite", _CONVERT),
    ".dxf": ("a drawing (DXF)", _CONVERT),
    ".tab": ("a MapInfo table", _CONVERT),
    ".csv": ("a table of text", _CONVERT),
    ".dbf": ("the table of a shapefile", "give its .shp"),
    ".shx": ("the index of a shapefile", "give its .shp"),
    **dict.fromkeys((".zip", ".gz", ".bz2", ".7z", ".zst", ".xz"), ("an archive", _UNPACK)),
}
_BY_BYTES = (
    (b"PK\x03\x04", "an archive (zip)", _UNPACK),
    (b"\x1f\x8b", "an archive (gzip)", _UNPACK),
    (b"BZh", "an archive (bzip2)", _UNPACK),
)


def choose_reader(path: Path, *, masks: tuple[str, ...] = ()) -> Reader:
    """The reader for a file, by the ending of its name.

    Parameters
    ----------
    path
        An ordinary local file.
    masks
        Endings of pictures that the caller reads besides, to be listed.

    Raises
    ------
    InputError
        By the name of what it is, for archives, changes, histories and formats that are not read.
    """
    name = path.name.lower()
    with path.open("rb") as stream:
        start = stream.read(8)
    for ending, (what, remedy) in _BY_NAME.items():
        if name.endswith(ending):
            raise _refuse(path, what, remedy, masks)
    for magic, what, remedy in _BY_BYTES:
        if start.startswith(magic):
            raise _refuse(path, what, remedy, masks)
    if path.suffix.lower() not in READERS:
        raise InputError(
            path, f"maps are read from {', '.join((*_SHOWN, *masks))}", "convert it to GeoPackage"
        )
    return READERS[path.suffix.lower()]


@contextmanager
def open_map(path: Path, *, masks: tuple[str, ...] = ()) -> Iterator[tuple[Reader, Path]]:
    """The reader of a map file and the path to read it from; any fault inside is one line about it.

    Parameters
    ----------
    path
        An ordinary local file; it stays as it is, and so does its folder.
    masks
        As for `choose_reader`.

    Raises
    ------
    InputError
        For whatever a library makes of a damaged file.
    """
    reader = choose_reader(path, masks=masks)
    with name_faults(path), borrow_file(path) as readable:
        yield reader, readable


@contextmanager
def name_faults(path: Path) -> Iterator[None]:
    """Every error of GDAL, PROJ, GEOS, SQLite, osmium or Python's own about a file, as one line."""
    try:
        yield
    except (MapsightError, MemoryError):
        raise
    except OSError as error:
        if error.filename is not None or error.errno is not None:
            raise  # the disk's or the system's word, not the file's
        raise _damaged(path, error) from error
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    said = str(error).split("\n")[0].replace(str(path), path.name)[:120]
    reason = said.encode("utf-8", "replace").decode() or type(error).__name__
    return InputError(path.name, f"is damaged ({reason})", "export it again")


def _refuse(path: Path, what: str, remedy: str, masks: tuple[str, ...]) -> InputError:
    known = ", ".join((*_SHOWN, *masks))
    return InputError(
        path.name, f"is {what}; maps are read from {known}", remedy.format(name=path.name)
    )
