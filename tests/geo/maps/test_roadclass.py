"""Claims about classes, widths and what can be seen from above."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsight.geo.maps.classes import choose_classes, classify_way
from mapsight.geo.maps.roadclass import (
    ROAD_WIDTH_M,
    WayClass,
    identify_way,
    name_way,
    read_width,
)
from mapsight.geo.maps.tags import spread_tags


def classify(tags: dict[str, str]) -> WayClass:
    """A way as it is in a map of which it is the only one."""
    return classify_way(tags, choose_classes(list(tags), [tags]))


@pytest.mark.parametrize("road_class", ROAD_WIDTH_M)
def test_every_class_of_the_table_is_a_visible_road(road_class: str) -> None:
    """As OSM highway, as column of a table, and as written by ourselves."""
    for column in ("highway", "fclass", "road_class"):
        assert classify({column: road_class}) == WayClass("road", road_class, True)
    assert 3 <= ROAD_WIDTH_M[road_class] <= 15


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "primary", "tunnel": "yes"},
        {"highway": "primary", "tunnel": "building_passage"},
        {"highway": "primary", "covered": "yes"},
        {"highway": "primary", "indoor": "yes"},
        {"highway": "primary", "location": "underground"},
        {"highway": "proposed", "proposed": "primary"},
        {"highway": "construction", "construction": "primary"},
        {"fclass": "primary", "tunnel": "T"},
        {"road_class": "primary", "visible": "False"},
    ],
)
def test_what_cannot_be_seen_is_a_hidden_road(tags: dict[str, str]) -> None:
    """Tunnels, roofs, indoors, underground, not yet built; in OSM's words, Geofabrik's, and
    ours.
    """
    assert classify(tags) == WayClass("road", "primary", False)


@pytest.mark.parametrize("value", ["no", "F", "0", "False", "", "none"])
def test_no_tunnel_is_no_tunnel(value: str) -> None:
    """Tables say no in many ways."""
    assert classify({"fclass": "residential", "tunnel": value}).visible


@pytest.mark.parametrize(
    ("tags", "road_class"),
    [
        *(
            ({"highway": kind}, kind)
            for kind in ("footway", "path", "cycleway", "steps", "track", "pedestrian")
        ),
        ({"railway": "rail"}, "railway"),
        ({"railway": "tram"}, "railway"),
        ({"aeroway": "runway"}, "runway"),
        ({"waterway": "canal"}, "waterway"),
        ({"fclass": "track_grade3"}, "track"),
        ({"mtfcc": "S1500"}, "track"),
    ],
)
def test_other_ways_explain_but_are_not_checked(tags: dict[str, str], road_class: str) -> None:
    """Paths, tracks, railways, runways and waters have the role 'other'."""
    assert classify(tags) == WayClass("other", road_class, True)


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "corridor"},
        {"highway": "pedestrian", "area": "yes"},
        {"highway": "footway", "tunnel": "yes"},
        {"highway": "no"},
        {"railway": "platform"},
        {"railway": "subway", "tunnel": "yes"},
        {"waterway": "dam"},
        {"highway": "construction", "construction": "footway"},
    ],
)
def test_ways_of_no_concern(tags: dict[str, str]) -> None:
    """Areas, indoor corridors and hidden paths are neither road nor explanation."""
    assert classify(tags).role == ""


@pytest.mark.parametrize(
    ("tags", "road_class"),
    [
        ({}, "road"),
        ({"road_type": "6"}, "unclassified"),
        ({"class": "Gemeindestraße"}, "residential"),
        ({"mtfcc": "S1400"}, "residential"),
        ({"class": "Freeway"}, "motorway"),
        ({"type": "Alley"}, "service"),
        ({"highway": "['residential', 'tertiary']"}, "residential"),
    ],
)
def test_words_and_codes_of_other_tables(tags: dict[str, str], road_class: str) -> None:
    """A table without any column is all roads; codes and words are what their models mean."""
    assert classify(tags) == WayClass("road", road_class, True)


@pytest.mark.parametrize(
    "tags",
    [
        {"mtfcc": "4"},
        {"highway": "yes"},
        {"fclass": "12"},
        {"road_type": "44"},
        {"class": "qwertz"},
        {"nature": "Ligne imaginaire"},
    ],
)
def test_what_nobody_knows_is_no_road_and_is_told(tags: dict[str, str]) -> None:
    """The value itself is handed on, to be listed."""
    found = classify(tags)
    assert (found.role, found.unknown) == ("", next(iter(tags.values())))


@pytest.mark.parametrize("value", ["", "NULL", "n/a", " "])
def test_empty_classes_are_no_roads(value: str) -> None:
    """Beside ways that say what they are, one that says nothing is none."""
    ways = [{"class": "primary"}, {"class": value}]
    classes = choose_classes(["class"], ways)
    assert [classify_way(way, classes).role for way in ways] == ["road", ""]


@pytest.mark.parametrize(
    ("tags", "width_m"),
    [
        ({"highway": "primary"}, 10.0),
        ({"highway": "primary", "width": "12.5"}, 12.5),
        ({"highway": "primary", "width": "12,5 m"}, 12.5),
        ({"highway": "primary", "width": "20'"}, 6.096),
        ({"highway": "primary", "width": "900"}, 10.0),
        ({"highway": "primary", "width": "wide"}, 10.0),
        ({"width": "20"}, 10.0),  # a column of a table may be in feet
        ({"width_m": "8.25"}, 8.25),
    ],
)
def test_widths_are_stated_or_by_class(tags: dict[str, str], width_m: float) -> None:
    """Stated widths count where they are metres (or feet said so) and plausible."""
    assert read_width(tags, "primary") == pytest.approx(width_m)


def test_unknown_class_has_the_default_width() -> None:
    """7 m."""
    assert read_width({}, "boulevard") == 7.0


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["highway", "width", "tunnel", "fclass", "railway", "area"]),
        st.text(max_size=20),
    )
)
def test_no_text_breaks_it(tags: dict[str, str]) -> None:
    """Any text in any tag gives a role, a class of the table or of other ways, and a sane width."""
    role, road_class, *_ = classify(tags)
    assert role in ("road", "other", "")
    if role == "road":
        assert road_class in ROAD_WIDTH_M
    assert 1 <= read_width(tags, road_class) <= 80


def test_names_and_identities_are_found_under_usual_titles() -> None:
    """Street, OSM and census tables."""
    assert name_way({"street": "Kirkland St", "ref": "2A"}) == "Kirkland St"
    assert identify_way({"osm_id": "77"}, "3") == "77"
    assert identify_way({}, "3") == "3"


def test_hidden_tags_are_set_free() -> None:
    """GDAL's column other_tags counts like tags."""
    tags = spread_tags({"highway": "primary", "other_tags": '"tunnel"=>"yes","width"=>"4"'})
    assert tags.items() >= {"highway": "primary", "tunnel": "yes", "width": "4"}.items()
    assert not classify(tags).visible
