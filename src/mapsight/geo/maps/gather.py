"""Ways of a file → rows of a table: near, sound and told apart; each feature counted once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds
from mapsight.geo.maps.classes import Classes, RoadChoice, choose_classes, classify_way, list_values
from mapsight.geo.maps.roadclass import name_way, read_width
from mapsight.geo.maps.ways import FloatArray, Tally, Way, clean_coordinates, reaches

LINE_COLUMNS = ("road_id", "road_class", "width_m", "visible", "name")
NO_CLASS, NOT_A_ROAD, UNKNOWN = "of no class", "not a road", "of unknown class"


@dataclass(frozen=True)
class Gathered:
    """Columns of the lines that are used: line (n, 2), feature (its number), role, tags, and those
    of `LINE_COLUMNS`; and how the map's ways were told apart.
    """

    rows: dict[str, list[Any]]
    classes: Classes


def gather_ways(
    ways: Iterable[Way],
    near: list[Bounds],
    tally: Tally,
    *,
    geographic: bool,
    choice: RoadChoice = RoadChoice(),
    name: str = "the map",
) -> Gathered:
    """Roads and other ways that reach into `near`; every feature gets its place in the tally.

    Parameters
    ----------
    ways
        Features of a file in order; those that a reader has left out itself it has counted.
    near
        Areas (left, bottom, right, top) in the file's CRS.
    geographic
        Whether coordinates are degrees.
    choice
        What the user says of columns and values.
    name
        The file, to speak of it.

    Raises
    ------
    InputError
        Where a column says what the ways are and not one value near the image is known.
    """
    kept = []
    for way in ways:
        tally.note_columns(way.tags)
        if taken := _take(way, near, tally, geographic=geographic):
            kept.append(taken)
    tags = [way.tags for way, _ in kept]
    classes = choose_classes(tally.columns, tags, choice)
    if classes.values and not any(_is_listed(row, classes) for row in tags) and tags:
        raise InputError(
            f"--road-values {','.join(choice.values)}",
            f"none of them is in column {classes.name} near the image:"
            f" {list_values(tags, classes.name)}",
            "copy them as they are there",
        )
    rows: dict[str, list[Any]] = {
        key: [] for key in ("line", "feature", "role", "tags", *LINE_COLUMNS)
    }
    for number, (way, pieces) in enumerate(kept):
        found = classify_way(way.tags, classes)
        if not found.role:
            _drop(way, found.unknown, classes, tally)
            continue
        if found.role == "road":
            tally.roads += 1
        else:
            tally.others += 1
        width_m = read_width(way.tags, found.road_class)
        about = (way.way_id, found.road_class, width_m, found.visible, name_way(way.tags))
        row = (number, found.role, way.tags, *about)
        for piece in pieces:
            for key, value in zip(rows, (piece, *row), strict=True):
                rows[key].append(value)
    if kept and not tally.roads and not tally.others:
        _refuse_unknown(name, classes, tags, tally)
    return Gathered(rows, classes)


def describe_gathered(tally: Tally, classes: Classes) -> list[str]:
    """What a user must hear of how a map was read, a sentence each."""
    said = list(tally.remarks)
    if classes.everything and tally.roads:
        columns = ", ".join(list(tally.columns)[:8]) or "it has none"
        said.append(
            f"no column says what a way is ({columns}), so all {tally.roads} lines count as roads;"
            " if one does, name it: --road-column"
        )
    if tally.unknown:
        listed = ", ".join(f"{n} × '{value}'" for value, n in tally.unknown.most_common(_SHOWN))
        more = len(tally.unknown) - _SHOWN
        listed += f" and {more} more values" if more > 0 else ""
        said.append(
            f"column {classes.name} holds values that are not known, and count as no roads:"
            f" {listed}; --road-values says which values are roads"
        )
    said += [
        f"{count} × {reason}" for reason, count in (+tally.dropped).items() if reason != UNKNOWN
    ]
    return said


def _take(
    way: Way, near: list[Bounds], tally: Tally, *, geographic: bool
) -> tuple[Way, list[FloatArray]] | None:
    """The pieces of a way that can be drawn, if one is near; else where it is counted."""
    pieces: list[FloatArray] = []
    fault = "" if way.lines else way.fault or "no geometry"
    for line in way.lines:
        tally.note_extent(line)
        sound, why = clean_coordinates(line, geographic=geographic)
        pieces += sound
        fault = fault or why
    if way.lines and way.fault:
        tally.remark("ways lack some of their nodes: the pieces that are there are read")
    if any(reaches(piece, near) for piece in pieces):
        return way, pieces
    if any(len(line) and reaches(line[:, ::-1], near) for line in way.lines):
        tally.swapped += 1
    if pieces:
        tally.elsewhere += 1
    else:
        tally.dropped[fault] += 1
    return None


def _drop(way: Way, unknown: str, classes: Classes, tally: Tally) -> None:
    if unknown:
        tally.unknown[unknown[:80]] += 1
        tally.dropped[UNKNOWN] += 1
        return
    said = classes.osm or any(way.tags.get(key) for key in (*classes.columns, *classes.refining))
    tally.dropped[NOT_A_ROAD if said else NO_CLASS] += 1


def _is_listed(tags: Any, classes: Classes) -> bool:
    return classify_way(tags, classes).role == "road"


def _refuse_unknown(name: str, classes: Classes, tags: list[Any], tally: Tally) -> None:
    if not tally.unknown and not tally.dropped[NO_CLASS]:
        return
    raise InputError(
        name,
        f"no value of its column {classes.name} is known as a road:"
        f" {list_values(tags, classes.name)}",
        "say which are: --road-values A,B; or that all lines are roads: --road-column none",
    )


_SHOWN = 12
