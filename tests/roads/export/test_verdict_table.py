"""Verdicts come back from any spreadsheet: what separates, encodes and names the cells does not
matter.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString

from mapsight.errors import InputError
from mapsight.roads.export.maproulette import name_task
from mapsight.roads.export.read_back import Said, read_judgements
from mapsight.roads.export.verdict_table import decode_text, find_id, read_rows
from mapsight.roads.finding.candidates import make_id
from mapsight.roads.folder.persist import begin_findings, carry_over

HEAD = ["rank", "finding_id", "kind", "verdict", "note", "score", "wkt"]
ROWS = [
    ["1", "f30da0719c", "a", "accept", "Straße fehlt, geprüft; ja\t– so", "0.9991", "LINE (1 2)"],
    ["2", "fe55efd42e", "b", "Reject", "“zwei”\nZeilen", "0.9973", "LINE (1 2, 3 4)"],
    ["3", "f10c29a506", "c", " UNSURE ", "'=1+1", "0.9", ""],
    ["4", "f10c29a507", "c", "", "", "0.8", ""],
]
SAID = [
    Said(("f30da0719c",), "accept", "Straße fehlt, geprüft; ja\t– so"),
    Said(("fe55efd42e",), "reject", "“zwei”\nZeilen"),
    Said(("f10c29a506",), "unsure", "=1+1"),
]


def save_table(rows, separator=",", encoding="utf-8", line_end="\r\n", decimal=".", quoting=0):
    """A table as a spreadsheet saves it."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator=line_end, quoting=quoting)
    for row in rows:
        writer.writerow([re.sub(r"^(\d+)\.(\d+)$", rf"\1{decimal}\2", cell) for cell in row])
    return stream.getvalue().encode(encoding)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize(("line_end", "decimal"), [("\r\n", ","), ("\n", "."), ("\r", ".")])
def test_all_that_spreadsheets_save(tmp_path, separator, encoding, line_end, decimal):
    """Every separator with every encoding, line end and decimal sign says the same."""
    for name in ("t.csv", "t.txt"):
        how = (separator, encoding, line_end, decimal, csv.QUOTE_ALL if line_end == "\r" else 0)
        (tmp_path / name).write_bytes(save_table([HEAD, *ROWS], *how))
        assert read_judgements(tmp_path / name) == SAID


@pytest.mark.parametrize(
    "head",
    [
        [name.title() for name in HEAD],
        [name.upper() for name in HEAD],
        [f" {name.replace('_', ' ')} " for name in HEAD],
        [name.title().replace("_", "") for name in HEAD],
    ],
)
@pytest.mark.parametrize("above", [[], [["sep=;"]], [["Findings of May"], [], [""] * 7]])
def test_heads_that_were_retyped(tmp_path, head, above):
    """Case, blanks and rows above the head do not matter."""
    path = tmp_path / "t.csv"
    path.write_bytes(save_table([*above, head, *ROWS], ";", quoting=csv.QUOTE_ALL))
    assert read_judgements(path) == SAID


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)))
def test_any_note_survives(notes):
    """What the csv module wrote with any separator is read again, cell by cell."""
    rows = [[f"f{number}", "accept", note] for number, note in enumerate(notes)]
    rows = [["finding_id", "verdict", "note"], *rows]
    for separator in ",;\t|":
        text, _ = decode_text(save_table(rows, separator, "utf-8-sig"))
        assert [row.cells["note"] for row in read_rows(text)] == notes


def test_a_guessed_encoding_is_said(tmp_path, caplog):
    """Letters of a file that names no encoding may be wrong: one line says how they were read."""
    (tmp_path / "a.csv").write_bytes(save_table([HEAD, *ROWS], ";", "cp1252"))
    read_judgements(tmp_path / "a.csv")
    assert "Windows-1252" in caplog.text
    caplog.clear()
    (tmp_path / "b.csv").write_bytes(save_table([HEAD, *ROWS], ";"))
    read_judgements(tmp_path / "b.csv")
    assert not caplog.text


def test_workbooks_and_wrong_words_are_refused_by_name(tmp_path):
    """An .xlsx says 'save as CSV', a word that is no verdict its row."""
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InputError, match="save the table as CSV"):
        read_judgements(tmp_path / "t.xlsx")
    (tmp_path / "t.csv").write_bytes(save_table([HEAD, *ROWS[:1], ["2", "x", "b", "perhaps"]]))
    with pytest.raises(InputError, match="row 3: 'perhaps' is no verdict"):
        read_judgements(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbffinding_id,verdict\n\xdf,accept\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_judgements(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("f30da0719c", "f30da0719c"),
        (" F30DA0719C ", "f30da0719c"),
        ("0123456789", "0123456789"),
        ("123456789", "0123456789"),  # the nought in front is gone
        ("123456789.0", "0123456789"),
        ("1.23457E+95", "1234567e89"),  # as Excel shows it
        ("1,23457E+95", "1234567e89"),
        ("9 876 543 210", "9876543210"),
        ("9.88E+09", "9876543210"),
        ("f9876543210", "9876543210"),  # as it went to MapRoulette
        ("1.2E+08", None),  # two findings round to it
        ("1", None),
        ("", None),
        ("nan", None),
        ("12345e6789", None),  # no number is so large
    ],
)
def test_ids_that_a_spreadsheet_took_for_numbers(told, meant):
    """An old id is found by what was left of it, where that can only be one."""
    ids = {"f30da0719c", "0123456789", "1234567e89", "9876543210", "12345e9999", "0120000001"}
    assert find_id(told, ids) == meant


@given(st.text())
def test_new_ids_are_no_numbers(text):
    """An id begins with a letter and is no number to anybody; so is what goes to MapRoulette."""
    name = make_id(text)
    assert re.fullmatch("f[0-9a-f]{9}", name) and name_task(name) == name
    with pytest.raises(ValueError):
        float(name)


def test_old_ids_live_on():
    """A folder whose ids are ten digits goes on with them, and they come back from MapRoulette."""
    lines = [LineString([(0, 0), (80, 0)]), LineString([(0, 90), (80, 90)])]
    old = ["0123456789", "30da0719c2"]
    before = gpd.GeoDataFrame(
        {"finding_id": old, "kind": "x", "verdict": ["accept", ""]}, geometry=lines, crs=32632
    )
    before = begin_findings(before, time_utc="2026-01-01T00:00:00Z").now
    again = before[["kind", "geometry"]].assign(finding_id=[make_id("a"), make_id("b")])
    done = carry_over(again, before, time_utc="2026-02-01T00:00:00Z")
    assert list(done.now["finding_id"]) == old
    for name in old:
        assert name_task(name)[0] == "f" and find_id(name_task(name), set(old)) == name


def test_tasks_of_an_old_folder_are_no_ways(tmp_path):
    """MapRoulette takes a task whose id is all digits for a way of OpenStreetMap: no id is."""
    from mapsight.roads.export.maproulette import _make_feature

    feature = _make_feature(name_task("0123456789"), LineString([(9, 45), (9, 46)]), {})
    assert not str(json.loads(json.dumps(feature))["id"]).isdigit()
