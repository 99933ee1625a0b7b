"""The page on a real scene: the findings of Cambridge against the city's own centrelines, judged by
keyboard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

pytest.importorskip("rio_tiler", reason="needs mapsight[web]")

from mapsight.roads.folder.read import read_findings
from mapsight.roads.verdicts.store import read_verdicts

from .conftest import serving
from .test_review_page import open_page, press, shoot, wait_for, wait_judged  # noqa: F401

DATA = Path(os.environ.get("MAPSIGHT_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def cambridge(tmp_path_factory) -> Path:
    """`mapsight audit --folds 0`, once."""
    scene = DATA / "georef" / "cambridge"
    if not scene.is_dir():
        pytest.skip(
            "the scene of Cambridge is not here (../shared/data/georef/cambridge, or MAPSIGHT_DATA)"
        )
    out = tmp_path_factory.mktemp("cambridge") / "audit"
    image, lines = scene / "mass_23279035_rgb_1m.tif", scene / "cambridge_centerlines_clip.geojson"
    command = [
        sys.executable,
        "-m",
        "mapsight",
        "audit",
        str(image),
        str(lines),
        "--folds",
        "0",
        "--out",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return out


def test_ten_findings_of_cambridge(cambridge, open_page):  # noqa: F811
    """Ten keys are ten verdicts, also after a reload; a line is mended and kept; the theme turns
    over the imagery.
    """
    table = read_findings(cambridge / "findings.gpkg", metric=False)
    ids, proposed = table["finding_id"].tolist(), table.geometry.iloc[10]
    keys = "arurraarua"
    words = {"a": "accept", "r": "reject", "u": "unsure"}
    with serving(cambridge, reviewer="ann") as address:
        page = open_page(address, draw=True)
        for count, key in enumerate(keys, 1):
            press(page, key)
            wait_judged(page, count)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        wait_judged(page, 10)
        kept = read_verdicts(cambridge / "findings.gpkg")
        assert dict(zip(kept["finding_id"], kept["verdict"], strict=True)) == {
            name: words[key] for name, key in zip(ids, keys, strict=False)
        }
        wait_for(page, "#position", f"^No. 11 of {len(ids)}")
        press(page, "e")
        page.wait_for_selector("#edit-bar:not([hidden])")
        press(page, *["ArrowUp"] * 9, "Enter", "a")
        wait_judged(page, 11)
        drawn = (
            read_verdicts(cambridge / "findings.gpkg")
            .set_index("finding_id")
            .loc[ids[10], "geometry_wkt"]
        )
        metric = gpd.GeoSeries([shapely.from_wkt(drawn), proposed], crs=table.crs).to_crs(
            "EPSG:26986"
        )
        assert (
            0.5 < metric.iloc[0].hausdorff_distance(metric.iloc[1]) < 20
        )  # one end, by nine pixels of the screen
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for _ in range(2):  # light, then dark
            page.locator("[data-theme-switch]").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
        shoot(page, "cambridge-dark")
