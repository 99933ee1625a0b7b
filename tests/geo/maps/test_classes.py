"""Claims about which lines of a table are roads, in the models of many countries and companies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsight.errors import InputError
from mapsight.geo.maps.classes import (
    Classes,
    RoadChoice,
    WayClass,
    choose_classes,
    classify_way,
    list_values,
)
from mapsight.geo.maps.tags import spread_tags

Table = list[tuple[str, dict[str, Any]]]
ROAD, HIDDEN, OTHER, NO, UNKNOWN = "road", "hidden", "other", "no", "unknown"


def read(table: list[dict[str, Any]], choice: RoadChoice = RoadChoice()) -> list[WayClass]:
    """The rows as a reader would classify them."""
    ways = [spread_tags(row) for row in table]
    columns = {key.lower() for row in table for key in row} | {key for way in ways for key in way}
    classes = choose_classes(sorted(columns), ways, choice)
    return [classify_way(way, classes) for way in ways]


def name(found: WayClass) -> str:
    """What became of a way, in a word."""
    if found.role == "road":
        return ROAD if found.visible else HIDDEN
    return found.role or (UNKNOWN if found.unknown else NO)


def by(column: str, **values: str) -> Table:
    """A table of one column: what is expected → values, parted by bars."""
    return [(want, {column: value}) for want, said in values.items() for value in said.split("|")]


# model → rows and what each is
MODELS: dict[str, Table] = {
    "Geofabrik": [
        (ROAD, {"code": 5122, "fclass": "residential", "tunnel": "F"}),
        (HIDDEN, {"code": 5113, "fclass": "primary", "tunnel": "T"}),
        (OTHER, {"code": 5153, "fclass": "footway", "tunnel": "F"}),
        (OTHER, {"code": 5142, "fclass": "track_grade1", "tunnel": "F"}),
        (UNKNOWN, {"code": 5199, "fclass": "unknown", "tunnel": "F"}),
        (NO, {"code": 0, "fclass": "", "tunnel": "F"}),
    ],
    "Overture": [
        (ROAD, {"subtype": "road", "class": "residential", "names": {"primary": "A"}}),
        (OTHER, {"subtype": "rail", "class": "standard_gauge"}),
        (OTHER, {"subtype": "road", "class": "footway", "subclass": "sidewalk"}),
        (ROAD, {"subtype": "road", "class": "service", "subclass": "driveway"}),
        (HIDDEN, {"subtype": "road", "class": "primary",
                  "road_flags": [{"values": ["is_tunnel"], "between": None}]}),
    ],
    "TIGER": by(
        "MTFCC", road="S1100|S1400|S1640", other="S1500|S1710|R1011|H3010", no="P0001|L4020"
    ),
    "CFCC": by("CFCC", road="A11|A41", other="B11|H11|A71", no="F10"),
    "ATKIS": by("OBJART", road="42003", other="42008|42014|44004|53003", no="57002|51005|75009"),
    "ATKIS in words": by(
        "OBJART_TXT", road="AX_Strassenachse", no="AX_Leitung|AX_Gebietsgrenze",
        other="AX_Fahrwegachse|AX_Bahnstrecke|AX_Gewaesserachse|AX_WegPfadSteig",
    ),
    "BD TOPO": by(
        "NATURE", road="Route à 1 chaussée|Bretelle|Rond-point|Route empierrée|Type autoroutier",
        other="Chemin|Sentier|Escalier|Piste cyclable|Voie ferrée principale",
        no="Bac ou liaison maritime|Ligne électrique|Mur|Limite de commune",
    ),
    "OS Open Roads": by(
        "formOfWay", road="Single Carriageway|Roundabout|Slip Road|Shared Use Carriageway"
    ),
    "NRN of Canada": by(
        "ROADCLASS", other="Winter", unknown="Unknown",
        road="Local / Street|Freeway|Alleyway / Laneway|Expressway / Highway|Resource / Recreation",
    ),
    "swissTLM3D": by(
        "OBJEKTART", road="10m Strasse|Autobahn|Zufahrt", no="Autozug|Faehre",
        other="1m Weg|Klettersteig|Platz|Markierte Spur",
    ),
    "NWB": by("BST_CODE", road="HR|RB|OPR", other="FP|VP"),
    "NWB of towns": [
        (ROAD, {"BST_CODE": "", "WEGBEHSRT": "G"}), (OTHER, {"BST_CODE": "FP", "WEGBEHSRT": "G"})
    ],
    "TOP10NL": [
        (ROAD, {"typeWeg": "lokale weg", "hoofdverkeersgebruik": "gemengd verkeer"}),
        (OTHER, {"typeWeg": "lokale weg", "hoofdverkeersgebruik": "voetgangers"}),
        (NO, {"typeWeg": "veerverbinding", "hoofdverkeersgebruik": "gemengd verkeer"}),
    ],
    "BGT": by("functie", road="rijbaan lokale weg", other="voetpad|fietspad|spoorbaan"),
    "GSI": by(
        "type", road="普通道路|軽車道", hidden="トンネル内の道路", other="徒歩道|石段|庭園路"
    ),
    "NVDB": by(
        "typeVeg", road="enkelBilveg|rampe|rundkjøring|gatetun", no="bilferje",
        other="gangOgSykkelveg|fortau|trapp|gågate|traktorveg",
    ),
    "Digiroad": by("LINKKITYYP", road="3", other="8", unknown="98"),
    "HERE": [
        (ROAD, {"FUNC_CLASS": 5, "FERRY_TYPE": "H", "AR_AUTO": "Y"}),
        (NO, {"FUNC_CLASS": 5, "FERRY_TYPE": "B", "AR_AUTO": "Y"}),
        (OTHER, {"FUNC_CLASS": 5, "FERRY_TYPE": "H", "AR_AUTO": "N"}),
    ],
    "TomTom": [
        (ROAD, {"FEATTYP": 4110, "FRC": 7, "FOW": 3}),
        (OTHER, {"FEATTYP": 4110, "FRC": 7, "FOW": 15}),
        (NO, {"FEATTYP": 4130, "FRC": 7, "FOW": -1}),
    ],
    "VMAP": by("F_CODE", road="AP030", other="AP010|AP050|AN010|BH140", no="AL070|AQ070|AT030"),
    "Natural Earth": by("featurecla", road="Road", no="Ferry", other="Railroad"),
    "India": by("RD_CLASS", road="NH|SH|MDR|ODR"),
    "Russian": by(
        "type", road="автомобильная дорога", other="железная дорога|река|тропа", no="забор"
    ),
    "Chinese": by("type", road="国道|高速公路|乡道", other="铁路|河流", no="围墙"),
    "Brazil": by("tipo", road="Rodovia|Rua", other="Ferrovia|Rio|Caminho", no="Cerca"),
    "Sweden": by(
        "OBJEKTTYP", road="Motorväg|Allmän väg", other="Järnväg|Traktorväg", no="Färjeled"
    ),
    "HOT export": [
        (ROAD, {"highway": "residential", "waterway": None, "osm_type": "ways_line"}),
        (OTHER, {"highway": None, "waterway": "river"}), (NO, {"highway": None, "waterway": None}),
    ],
    "only waters": by("waterway", other="river|stream"),
    "OSMnx": [
        (ROAD, {"highway": "['residential', 'service']", "reversed": "False"}),
        (ROAD, {"highway": ["residential", "tertiary"]}), (OTHER, {"highway": "footway"}),
    ],
    "a word nobody knows": by(
        "CLASS", road="Local|Collector", other="Railroad", no="", unknown="Zq"
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_ways_are_told_apart_in_every_model(model: str) -> None:
    """Roads, what explains a prediction, what is nothing, and what nobody knows."""
    table = MODELS[model]
    found = read([row for _, row in table])
    assert [name(way) for way in found] == [want for want, _ in table]


OSM = [
    (ROAD, {"highway": "residential", "name": 'O\'Neil "A"'}),
    (HIDDEN, {"highway": "proposed", "proposed": "residential"}),
    (OTHER, {"highway": "footway"}),
    (OTHER, {"railway": "rail"}),
    (OTHER, {"waterway": "stream"}),
    (NO, {"barrier": "fence"}),
    (NO, {"boundary": "administrative", "admin_level": "8"}),
    (NO, {"power": "line"}),
    (NO, {}),
    (UNKNOWN, {"highway": "yes"}),
]


def write_hstore(tags: dict[str, str]) -> str:
    """Tags as PostGIS and GDAL write them."""
    escaped = ((key, value.replace('"', '\\"')) for key, value in tags.items())
    return ",".join(f'"{key}"=>"{value}"' for key, value in escaped)


WRITTEN: dict[str, Any] = {
    "columns": lambda tags: dict(tags),
    "capitals": lambda tags: {key.upper(): value for key, value in tags.items()},
    "nested": lambda tags: {"type": "way", "tags": tags, "meta": {}},
    "deep": lambda tags: {"meta": {"osm": {"tags": tags}}},
    "JSON": lambda tags: {"tags": json.dumps(tags)},
    "JSON in JSON": lambda tags: {"tags": json.dumps(json.dumps(tags))},
    "JSON in a column of any name": lambda tags: {"stuff": json.dumps(tags), "highway": None},
    "all_tags": lambda tags: {"all_tags": json.dumps(tags)},
    "hstore": lambda tags: {"other_tags": write_hstore(tags)},
    "Python": lambda tags: {"tags": repr(tags)},
    "pairs of Python": lambda tags: {"tags": repr(list(tags.items()))},
    "pairs": lambda tags: {"tags": [list(pair) for pair in tags.items()]},
    "k and v": lambda tags: {"tag": [{"k": key, "v": value} for key, value in tags.items()]},
    "dotted": lambda tags: {f"tags.{key}": value for key, value in tags.items()},
    "prefixed": lambda tags: {f"@tags:{key}": value for key, value in tags.items()},
}


@pytest.mark.parametrize("way", WRITTEN)
def test_tags_count_however_they_are_written(way: str) -> None:
    """Nested, as text, as pairs: the same ways are roads."""
    found = read([WRITTEN[way](tags) for _, tags in OSM])
    assert [name(row) for row in found] == [want for want, _ in OSM]


def test_gdal_s_layer_of_lines() -> None:
    """Some keys are columns, the rest stands in other_tags; a way without either is none."""
    table: Table = [
        (ROAD, {"highway": "primary", "waterway": None, "other_tags": '"lanes"=>"2"'}),
        (HIDDEN, {"highway": "primary", "waterway": None, "other_tags": '"tunnel"=>"yes"'}),
        (NO, {"highway": None, "barrier": "fence", "other_tags": None}),
        (NO, {"highway": None, "other_tags": '"boundary"=>"administrative"'}),
        (OTHER, {"highway": None, "other_tags": '"railway"=>"rail"'}),
        (NO, {"highway": None, "other_tags": None}),
    ]
    assert [name(row) for row in read([row for _, row in table])] == [want for want, _ in table]


@pytest.mark.parametrize("text", ['{"building": "yes"}', '"building"=>"yes"', "{}"])
def test_tags_without_a_key_of_roads_are_no_roads(text: str) -> None:
    """Where not one way near the image is a road, the column of tags still says so."""
    assert [name(row) for row in read([{"tags": text, "nr": 1}])] == [NO]


def test_a_table_without_any_class_is_all_roads() -> None:
    """Names and lengths say nothing of what a way is."""
    table = [{"name": "River Road", "length": 3}, {"name": "Railway Walk", "length": 4}]
    assert [name(row) for row in read(table)] == [ROAD, ROAD]
    assert choose_classes(["name", "length"], [spread_tags(row) for row in table]).everything


def test_words_tell_in_a_column_of_any_name() -> None:
    """Where nearly all that a column holds are known words of both kinds, and few."""
    kinds = ["Strada comunale", "Ferrovia", "Sentiero", "Strada provinciale"]
    found = read([{"ty_e": kinds[number % 4], "nr": number} for number in range(24)])
    assert [name(row) for row in found[:4]] == [ROAD, OTHER, OTHER, ROAD]


def test_the_user_s_column_comes_first() -> None:
    """A column that no model has; 'none'; one that is not there."""
    table = [{"class": "river", "zz": "Weg 3"}, {"class": "river", "zz": "Kreisstraße"}]
    assert [name(row) for row in read(table)] == [OTHER, OTHER]
    assert [name(row) for row in read(table, RoadChoice("ZZ"))] == [UNKNOWN, ROAD]
    assert [name(row) for row in read(table, RoadChoice("none"))] == [ROAD, ROAD]
    with pytest.raises(
        InputError, match=r"--road-column kind: the map has no such column, but.*zz"
    ):
        read(table, RoadChoice("kind"))


def test_the_user_s_values_are_the_roads_and_no_others() -> None:
    """Case, accents and blanks do not matter; what is known not to be a road still explains."""
    table = [{"kat": value} for value in ("A 1", "a-1", "B", "rail", "")]
    found = read(table, RoadChoice("kat", ("A 1",)))
    assert [name(row) for row in found] == [ROAD, ROAD, NO, OTHER, NO]
    with pytest.raises(InputError, match="add --road-column"):
        read([{"nr": 1}], RoadChoice(None, ("A",)))


def test_values_are_listed_by_count() -> None:
    """The commonest first, the empty by a word, the rest by number."""
    rows = [{"c": "x"}] * 3 + [{"c": ""}] * 2 + [{"c": str(n)} for n in range(9)]
    assert list_values(rows, "c").startswith("3 × 'x', 2 × empty, 1 × '0'")
    assert list_values(rows, "c").endswith("and 3 more values")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["highway", "class", "tags", "fclass", "mtfcc", "objart", "x"]),
            st.one_of(
                st.none(), st.integers(), st.text(max_size=30), st.lists(st.text(max_size=5))
            ),
        ),
        max_size=6,
    )
)
def test_no_table_breaks_it(table: list[dict[str, Any]]) -> None:
    """Whatever stands in a table, each row has one role, and an unknown value is no road."""
    for found in read(table):
        assert found.role in ("road", "other", "")
        assert not (found.unknown and found.role)


def test_classes_name_their_column() -> None:
    """What a note speaks of."""
    assert Classes(osm=True).name == "highway"
    assert Classes(columns=("mtfcc",)).name == "mtfcc"
    assert Classes().name == ""
