"""`mapsight chips`: files that other tools and our own training read, split by space, resumable."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import rasterio

from mapsight.geo.raster import open_image
from mapsight.roads.chipset.index import describe_mask
from mapsight.roads.training.chips import read_pairs, read_scenes
from mapsight.roads.training.scenes import read_truth


@pytest.fixture(scope="module")
def cut(town, tmp_path_factory):
    """Chips of 64 px of a town of 600 px."""
    from tests.cli.conftest import call

    out = tmp_path_factory.mktemp("chips")
    arguments = (
        "--map",
        town / "true_roads.gpkg",
        "--chip-px",
        64,
        "--gap-px",
        16,
        "--date",
        "2024-06-30",
    )
    assert call("chips", town / "image.tif", *arguments, "--out", out) == 0
    return out


def read_table(folder):
    with open(folder / "pairs.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_chips_show_what_the_image_shows(cut, town):
    """Oracle: the image and the burnt map themselves, at the place that each chip says it is
    from.
    """
    with open_image(town / "image.tif") as reader:
        image = reader.read_all()
    truth = read_truth(town / "true_roads.gpkg", image.geobox)
    rows = read_table(cut)
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    for row in rows:
        r, c = int(row["row"]), int(row["col"])
        with rasterio.open(cut / row["image"]) as chip, rasterio.open(cut / row["mask"]) as mask:
            assert (chip.read() == image.array[:, r : r + 64, c : c + 64]).all()
            assert (mask.read(1) == 255 * truth[r : r + 64, c : c + 64]).all()
            assert chip.transform == mask.transform == image.geobox.window(r, c, 64, 64).transform
            assert chip.crs == image.crs
        assert row["split"] != "train" or truth[r : r + 64, c : c + 64].mean() >= 0.05
    quiet = [row for row in rows if float(row["road_share"]) < 0.05]
    assert quiet, "no test chip without road: the share is asked of training chips only"


def test_our_own_training_reads_the_table(cut):
    """Every split comes back as scenes of the right size."""
    rows = read_table(cut)
    for split in ("train", "val", "test"):
        scenes = read_scenes(read_pairs(cut / "pairs.csv", split=split))
        assert len(scenes) == sum(row["split"] == split for row in rows)
        assert all(scene.truth.shape == (64, 64) and scene.valid.any() for scene in scenes)


def test_coco_runs_are_the_masks(cut):
    """Oracle: the runs decoded by hand, down the columns, beginning with background."""
    found = json.loads((cut / "coco_test.json").read_text())
    images = {image["id"]: image for image in found["images"]}
    assert len(images) == sum(row["split"] == "test" for row in read_table(cut))
    for annotation in found["annotations"]:
        with rasterio.open(cut / images[annotation["image_id"]]["mask"]) as file:
            mask = file.read(1) > 0
        counts = annotation["segmentation"]["counts"]
        flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        assert (flat.reshape(64, 64, order="F") == mask).all()
        assert annotation["area"] == mask.sum()
        left, top, width, height = annotation["bbox"]
        assert mask[top : top + height, left : left + width].sum() == mask.sum()
    assert images[1]["file_name"].startswith("images/test/")


@pytest.mark.parametrize("mask", [np.ones((2, 3)), np.eye(3), np.array([[0, 0], [0, 1]])])
def test_runs_of_special_masks(mask):
    """All road, a road that begins at once, one that ends last: the counts add up and start with
    background.
    """
    counts = describe_mask(mask)["segmentation"]["counts"]
    assert sum(counts) == mask.size
    assert (counts[0] == 0) == bool(mask[0, 0])


def test_stac_catalogue_is_whole(cut):
    """Oracle: pystac. Items with label extension, split, date, and assets that exist; places agree
    with the image.
    """
    import pystac
    from pystac.extensions.label import LabelExtension

    catalog = pystac.Catalog.from_file(str(cut / "stac" / "catalog.json"))
    items = list(catalog.get_items(recursive=True))
    rows = {row["name"]: row for row in read_table(cut)}
    assert {item.id for item in items} == set(rows)
    for item in items[:6]:
        assert item.properties["ml-aoi:split"] == {"val": "validate"}.get(
            rows[item.id]["split"], rows[item.id]["split"]
        )
        assert item.datetime.isoformat().startswith("2024-06-30")
        assert LabelExtension.ext(item).label_classes[0].classes == ["background", "road"]
        for asset in item.assets.values():
            assert not asset.href.startswith("/")
            with rasterio.open(asset.get_absolute_href()) as file:
                west, south, east, north = rasterio.warp.transform_bounds(
                    file.crs, "EPSG:4326", *file.bounds
                )
        assert item.bbox == pytest.approx([west, south, east, north], abs=1e-6)


def test_a_failed_attempt_does_not_lock_the_folder(run, town, tmp_path):
    """Nothing was cut: the corrected command may use the folder."""
    (tmp_path / "broken.gpkg").write_bytes(b"no map")
    command = ["chips", town / "image.tif", "--chip-px", 64, "--out", tmp_path / "chips"]
    assert run(*command, "--map", tmp_path / "broken.gpkg").status == 2
    assert run(*command, "--map", town / "true_roads.gpkg").status == 0


def test_goes_on_where_it_was(run, cut, town):
    """What is there is not cut again; a missing chip is; the tables end up the same."""
    rows = read_table(cut)
    kept, lost = cut / rows[0]["image"], cut / rows[1]["mask"]
    before = kept.stat().st_mtime_ns
    content = lost.read_bytes()
    lost.unlink()
    (cut / "pairs.csv").unlink()
    done = run(
        "chips",
        town / "image.tif",
        "--map",
        town / "true_roads.gpkg",
        "--chip-px",
        64,
        "--gap-px",
        16,
        "--date",
        "2024-06-30",
        "--out",
        cut,
    )
    assert done.status == 0, done.err
    assert kept.stat().st_mtime_ns == before and lost.read_bytes() == content
    assert read_table(cut) == rows


def test_pairs_keep_their_splits(run, cut, tmp_path):
    """A table of pairs is cut smaller; its splits stay, and PNG is written where nothing has a
    place.
    """
    from PIL import Image

    rows = []
    for split in ("train", "test"):
        pixels = np.random.default_rng(len(split)).integers(0, 255, (70, 100, 3), dtype=np.uint8)
        mask = np.zeros((70, 100), np.uint8)
        mask[20:40] = 255
        Image.fromarray(pixels).save(tmp_path / f"{split}.png")
        Image.fromarray(mask).save(tmp_path / f"{split}_mask.png")
        rows.append(["a", split, f"{split}.png", f"{split}_mask.png", split, "0.5"])
    with open(tmp_path / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows([["set", "name", "image", "mask", "split", "m_per_px"], *rows])
    done = run(
        "chips", "--pairs", tmp_path / "table.csv", "--chip-px", 32, "--out", tmp_path / "out"
    )
    assert done.status == 0, done.err
    found = read_table(tmp_path / "out")
    assert {row["split"] for row in found} == {"train", "test"}
    assert sum(row["split"] == "test" for row in found) == 6
    assert all(
        row["image"].endswith(".png") and row["m_per_px"] == "0.5" and row["set"] == "a"
        for row in found
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--chip-px", 128), "other images or settings"),
        (("--date", "30.6."), "no day"),
        (("--min-road", 0.06), "other"),
    ],
)
def test_mistakes_end_in_one_line(run, cut, town, arguments, words):
    """Other settings in the same folder, a date that is none."""
    done = run(
        "chips", town / "image.tif", "--map", town / "true_roads.gpkg", "--out", cut, *arguments
    )
    assert done.status == 2 and words in done.err and "Traceback" not in done.err


def test_neither_images_nor_pairs(run, tmp_path):
    """It says what it needs."""
    assert run("chips", "--out", tmp_path).status == 2


def test_images_side_by_side_do_not_leak(run, town, tmp_path):
    """One scene in two halves: chips of one never teach within the gap of chips of the other that
    judge.
    """
    with rasterio.open(town / "image.tif") as whole:
        for i in (0, 1):
            window = rasterio.windows.Window(300 * i, 0, 300, 600)
            profile = {**whole.profile, "width": 300, "transform": whole.window_transform(window)}
            with rasterio.open(tmp_path / f"half{i}.tif", "w", **profile) as half:
                half.write(whole.read(window=window))
    halves = [tmp_path / f"half{i}.tif" for i in (0, 1)]
    done = run(
        "chips",
        *halves,
        "--map",
        town / "true_roads.gpkg",
        "--chip-px",
        60,
        "--gap-px",
        20,
        "--min-road",
        0,
        "--out",
        tmp_path / "out",
    )
    assert done.status == 0, done.err
    boxes = []
    for row in read_table(tmp_path / "out"):
        with rasterio.open(tmp_path / "out" / row["image"]) as chip:
            boxes.append((row["split"], chip.bounds))
    assert {split for split, _ in boxes} == {"train", "val", "test"}
    for split, a in boxes:
        for other, b in boxes:
            if split != other:
                gap = max(b.left - a.right, a.left - b.right, b.bottom - a.top, a.bottom - b.top)
                assert gap >= 20 - 1e-6
