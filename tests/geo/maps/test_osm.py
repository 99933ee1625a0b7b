"""Claims about OpenStreetMap extracts."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np
import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapsight.errors import InputError
from mapsight.geo.maps.osm import iterate_osm_ways, read_osm_crs
from mapsight.geo.maps.ways import Tally, Way

WORLD = [(-180.0, -90.0, 180.0, 90.0)]
NODES = "".join(
    f'<node id="{i}" version="1" lat="{48 + i / 1000}" lon="{11 + i / 1000}"/>' for i in range(1, 7)
)


def write(path: Path, ways: str, nodes: str = NODES, head: str = "") -> Path:
    """An .osm file with some nodes in a row and the ways given."""
    path.write_text(
        f'<?xml version="1.0"?>{head}<osm version="0.6">{nodes}{ways}</osm>', encoding="utf-8"
    )
    return path


def way(number: int, nodes: tuple[int, ...], **tags: str) -> str:
    """A way as OSM XML."""
    inner = "".join(f'<nd ref="{node}"/>' for node in nodes)
    inner += "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    return f'<way id="{number}" version="1">{inner}</way>'


def read(
    path: Path, near: list[tuple[float, float, float, float]] = WORLD
) -> tuple[list[Way], Tally]:
    """All ways near, and the tally of those that are not."""
    tally = Tally()
    return list(iterate_osm_ways(path, None, near, tally)), tally


def test_linear_ways_come_with_places_and_tags(tmp_path: Path) -> None:
    """All of them do: what is a road is decided later, so that each is counted once."""
    text = way(7, (1, 2, 3), highway="primary", name="A &amp; B") + way(8, (1, 2), building="yes")
    text += way(9, (4, 5), railway="rail")
    ways, tally = read(write(tmp_path / "m.osm", text))
    assert [found.way_id for found in ways] == ["7", "8", "9"]
    assert ways[0].tags == {"highway": "primary", "name": "A & B"}
    expected = [[11.001, 48.001], [11.002, 48.002], [11.003, 48.003]]
    np.testing.assert_allclose(ways[0].lines, [expected])
    assert tally.elsewhere == 0
    assert read_osm_crs(tmp_path / "m.osm").to_epsg() == 4326


def test_only_what_is_near_is_given(tmp_path: Path) -> None:
    """Ways elsewhere are counted, not handed on."""
    path = write(
        tmp_path / "m.osm", way(7, (1, 2), highway="primary") + way(8, (5, 6), highway="primary")
    )
    ways, tally = read(path, [(11.0045, 48.0, 11.1, 48.1)])
    assert [found.way_id for found in ways] == ["8"]
    assert tally.elsewhere == 1


def test_missing_nodes_do_not_make_short_cuts(tmp_path: Path) -> None:
    """A way with unknown nodes comes in the pieces whose places are known; one with none is
    counted.
    """
    text = way(7, (1, 2, 99, 3, 4), highway="primary") + way(8, (98, 99), highway="primary")
    text += way(9, (1, 99, 2), highway="primary")
    ways, _ = read(write(tmp_path / "m.osm", text))
    assert [(found.way_id, [len(line) for line in found.lines]) for found in ways] == [
        ("7", [2, 2]),
        ("8", []),
        ("9", []),
    ]
    assert [found.fault for found in ways] == ["", "nodes missing", "nodes missing"]


def test_nodes_off_the_earth_are_missing_nodes(tmp_path: Path) -> None:
    """Latitude 95 is no place."""
    nodes = NODES + '<node id="50" version="1" lat="95" lon="11"/>'
    ways, _ = read(write(tmp_path / "m.osm", way(7, (1, 2, 50), highway="primary"), nodes))
    assert [[len(line) for line in found.lines] for found in ways] == [[2]]


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE osm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE osm [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE osm [<!ENTITY a SYSTEM "http://127.0.0.1:9/x">]>',
    ],
)
def test_entities_are_refused(tmp_path: Path, head: str) -> None:
    """Entity bombs and external entities end the reading."""
    with pytest.raises(InputError, match="entities"):
        read(write(tmp_path / "m.osm", way(7, (1, 2), highway="&a;"), head=head))


@pytest.mark.parametrize(
    "text", ["", "<html></html>", "<osm version='0.6'><node id='1'", '{"a": 1}', "\0\1\2"]
)
@pytest.mark.parametrize("suffix", ["osm", "pbf"])
def test_what_is_no_extract_is_refused(tmp_path: Path, suffix: str, text: str) -> None:
    """HTML, JSON, bytes, truncated XML, under both suffixes: one line."""
    path = tmp_path / f"m.{suffix}"
    path.write_text(text)
    with pytest.raises(InputError, match="no OpenStreetMap file") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_coordinates_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    """nan is no coordinate in OSM."""
    with pytest.raises(InputError):
        read(
            write(
                tmp_path / "m.osm",
                way(7, (1, 2), highway="x"),
                NODES + '<node id="9" lat="nan" lon="1"/>',
            )
        )


def test_pbf_equals_xml_and_truncated_pbf_is_refused(tmp_path: Path) -> None:
    """The same ways from both formats; a cut file is damaged."""
    text = "".join(way(i, (1, 2, 3), highway="primary") for i in range(10, 2000))
    xml = write(tmp_path / "m.osm", text)
    with osmium.SimpleWriter(str(tmp_path / "m.osm.pbf")) as writer:
        for entity in osmium.FileProcessor(str(xml)):
            writer.add(entity)
    ways, expected = read(tmp_path / "m.osm.pbf")[0], read(xml)[0]
    assert [found.way_id for found in ways] == [found.way_id for found in expected]
    content = (tmp_path / "m.osm.pbf").read_bytes()
    (tmp_path / "cut.pbf").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError):
        read(tmp_path / "cut.pbf")


def write_pbf(path: Path, xml: Path, kind: str = "pbf") -> Path:
    """The elements of an .osm file as .osm.pbf, in their order."""
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(osmium.io.File(str(path), kind)) as writer:
        for entity in osmium.FileProcessor(str(xml)):
            writer.add(entity)
    return path


@pytest.mark.parametrize("gone", ["action='delete'", "visible='false'"])
def test_what_a_mapper_has_deleted_is_gone(tmp_path: Path, gone: str) -> None:
    """Deleted ways in the words of JOSM and of the API; each is counted."""
    text = way(7, (1, 2), highway="primary")
    text += way(8, (2, 3), highway="primary").replace("<way ", f"<way {gone} ", 1)
    ways, _ = read(write(tmp_path / "m.osm", text))
    assert [(bool(found.lines), found.fault) for found in ways] == [(True, ""), (False, "deleted")]


@pytest.mark.parametrize("suffix", ["osm", "osm.pbf"])
def test_new_ways_have_negative_ids(tmp_path: Path, suffix: str) -> None:
    """New nodes and ways of JOSM, beside those that were downloaded."""
    fresh = "".join(f'<node id="-{i}" lat="48.1" lon="{11 + i / 1000}"/>' for i in (1, 2))
    text = way(-5, (-1, -2, 3), highway="service") + way(7, (1, 2), highway="primary")
    path = write(tmp_path / "m.osm", text, nodes=NODES + fresh)
    ways, _ = read(path if suffix == "osm" else write_pbf(tmp_path / "m.osm.pbf", path))
    lines = {found.way_id: found.lines for found in ways}
    np.testing.assert_allclose(lines["-5"], [[[11.001, 48.1], [11.002, 48.1], [11.003, 48.003]]])
    assert lines.keys() == {"-5", "7"}


@pytest.mark.parametrize("suffix", ["osm", "osm.pbf"])
def test_ways_may_stand_before_their_nodes(tmp_path: Path, suffix: str) -> None:
    """Overpass writes them so where nobody asks for an order."""
    path = tmp_path / "m.osm"
    text = way(7, (1, 2, 3), highway="primary")
    path.write_text(f'<osm version="0.6"><note>x</note>{text}{NODES}</osm>')
    ways, _ = read(path if suffix == "osm" else write_pbf(tmp_path / "m.osm.pbf", path))
    assert [[len(line) for line in found.lines] for found in ways] == [[3]]


def test_places_may_stand_in_the_way(tmp_path: Path) -> None:
    """`out geom`: with and without references, and a point that lies outside the question."""
    inside = '<nd ref="1" lat="48.1" lon="11.1"/><nd lat="48.2" lon="11.2"/>'
    text = f'<way id="7"><bounds minlat="1"/>{inside}<tag k="highway" v="primary"/></way>'
    text += f'<way id="8">{inside}<nd ref="99"/>{inside}<tag k="highway" v="primary"/></way>'
    ways, _ = read(write(tmp_path / "m.osm", text, nodes=""))
    assert [[len(line) for line in found.lines] for found in ways] == [[2], [2, 2]]


def test_ways_without_any_place_are_refused_with_the_question(tmp_path: Path) -> None:
    """`out body` without the nodes."""
    with pytest.raises(InputError, match="out geom"):
        read(write(tmp_path / "m.osm", way(7, (1, 2), highway="primary"), nodes=""))


def test_relations_of_routes_are_no_ways(tmp_path: Path) -> None:
    """A bus line over a road is not a second road, nor do its tags become the road's."""
    text = way(7, (1, 2), highway="primary")
    text += '<relation id="1"><member type="way" ref="7"/><tag k="route" v="bus"/></relation>'
    ways, _ = read(write(tmp_path / "m.osm", text))
    assert [(found.way_id, dict(found.tags)) for found in ways] == [("7", {"highway": "primary"})]


@pytest.mark.parametrize("suffix", ["osm", "osm.pbf"])
def test_histories_are_refused_with_the_command(tmp_path: Path, suffix: str) -> None:
    """Two states of a way."""
    text = way(7, (1, 2), highway="primary")
    text += text.replace('version="1"', 'version="2"')
    path = write(tmp_path / "m.osm", text)
    with pytest.raises(InputError, match=r"histories.*osmium time-filter"):
        read(path if suffix == "osm" else write_pbf(tmp_path / "m.osm.pbf", path))


def test_histories_of_nodes_are_refused(tmp_path: Path) -> None:
    """A node that has moved."""
    nodes = NODES + NODES.replace('lat="48', 'lat="49')
    with pytest.raises(InputError, match="histories"):
        read(write(tmp_path / "m.osm", way(7, (1, 2), highway="primary"), nodes=nodes))


def test_a_history_of_single_states_is_refused(tmp_path: Path) -> None:
    """The head of the .osm.pbf says what it is, whatever its name."""
    xml = write(tmp_path / "m.osm", way(7, (1, 2), highway="primary"))
    with pytest.raises(InputError, match=r"histories; .*osmium time-filter m\.osm\.pbf"):
        read(write_pbf(tmp_path / "m.osm.pbf", xml, "osh.pbf"))


DEATHS = {"a signal": "kill -SEGV $$", "no word": "exit 0", "half a line": "printf '[\"way\", 1'"}


@pytest.mark.parametrize("death", DEATHS)
def test_the_death_of_the_reader_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    """Whatever a file does to the library, the process that asked goes on and says so."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{DEATHS[death]}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    path = write_pbf(tmp_path / "m.pbf", write(tmp_path / "m.osm", way(7, (1, 2), highway="x")))
    with pytest.raises(InputError, match=r"m\.pbf: is damaged: reading it broke off") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_changed_bytes_of_a_pbf_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Nothing else: no traceback, no crash of this process."""
    text = "".join(way(i, (1, 2, 3), highway="primary") for i in range(10, 40))
    path = write_pbf(tmp_path / "m.osm.pbf", write(tmp_path / "m.osm", text))
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    changed = tmp_path / "c.pbf"
    changed.write_bytes(bytes(content))
    with contextlib.suppress(InputError):
        read(changed)
