"""`mapsight mask-from-map`: from a picture of a map to a mask and lines that an audit reads."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from tests.geo.sources.cartography import STYLES, draw_map

from mapsight.geo.network import read_map
from mapsight.geo.raster import Raster, write_raster

PAGE = Path(__file__).parents[2] / "docs" / "roads-from-maps.md"


@pytest.fixture(scope="module")
def drawn():
    """A small map in the look of most web maps."""
    return draw_map(STYLES["light"], size_px=320)


def test_the_page_s_example_runs(run, drawn, tmp_path, monkeypatch):
    """Every command of docs/roads-from-maps.md, in a folder with a map.png."""
    Image.fromarray(drawn.image).save(tmp_path / "map.png")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    mapsight (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert lines
    for line in lines:
        done = run(*shlex.split(line))
        assert done.status == 0, done.err
    assert (tmp_path / "mask.tif").is_file() and (tmp_path / "roads.gpkg").is_file()


def test_lines_and_mask_are_maps_of_the_place(run, drawn, tmp_path):
    """Oracle: the vectors. The mask lies on the map's grid; the traced map has their length within
    a tenth.
    """
    write_raster(
        tmp_path / "map.tif",
        Raster(drawn.image.transpose(2, 0, 1), drawn.box.transform, drawn.box.crs),
    )
    colours = [part for colour in STYLES["light"].colours for part in ("--colour", colour)]
    done = run(
        "mask-from-map",
        tmp_path / "map.tif",
        *colours,
        "--out",
        tmp_path / "mask.tif",
        "--lines",
        tmp_path / "roads.gpkg",
    )
    assert done.status == 0, done.err
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.transform == drawn.box.transform and mask.crs == drawn.box.crs
        seen = mask.read(1) > 0
    assert (seen & drawn.truth).sum() / (seen | drawn.truth).sum() > 0.85
    true_m = drawn.roads.clip_by_rect(*drawn.box.bounds).length.sum()
    for name in ("roads.gpkg", "mask.tif"):
        traced = read_map(tmp_path / name, box=drawn.box).lines
        assert traced.length.sum() == pytest.approx(true_m, rel=0.12)


def test_clicks_on_the_map_or_its_legend(run, drawn, tmp_path):
    """A click on a legend of one colour gives the mask of that colour."""
    Image.fromarray(drawn.image).save(tmp_path / "map.png")
    Image.new("RGB", (20, 20), "#ffffff").save(tmp_path / "legend.png")
    for name, options in (
        ("a", ("--colour", "#ffffff")),
        ("b", ("--at", "9,9", "--legend", tmp_path / "legend.png")),
    ):
        done = run(
            "mask-from-map", tmp_path / "map.png", *options, "--out", tmp_path / f"{name}.png"
        )
        assert done.status == 0, done.err
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "#f2efe9"),
        (("--colour", "white"), "rrggbb"),
        (("--at", "5"), "column,row"),
        (("--at", "5,9999"), "outside"),
        (("--colour", "#00ff00"), "no road"),
        (("--colour", "#ffffff", "--out", "m.jpg"), ".tif or .png"),
        (("--colour", "#ffffff", "--bbox", "11", "48", "11.5", "48.1"), "times as wide"),
    ],
)
def test_mistakes_end_in_one_line(run, drawn, tmp_path, monkeypatch, options, words):
    """The error says how to do it right, and nothing is left behind."""
    Image.fromarray(drawn.image).save(tmp_path / "map.png")
    monkeypatch.chdir(tmp_path)
    done = run("mask-from-map", "map.png", *options)
    assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done.err
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]


def test_sixteen_bits_are_no_map(run, tmp_path):
    """A measured raster is not a picture."""
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(tmp_path / "m.png")
    done = run(
        "mask-from-map", tmp_path / "m.png", "--colour", "#ffffff", "--out", tmp_path / "o.tif"
    )
    assert done.status == 2 and "8 bits" in done.err
