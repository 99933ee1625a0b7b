"""Chips are functions of their number, never show what they should not, and tables of pairs are
checked.
"""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest
import torch
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from mapsight.cnn.augment import NO_AUGMENTATION, Chip
from mapsight.errors import InputError
from mapsight.geo.raster import Raster, write_raster
from mapsight.roads.training.chips import (
    ChipData,
    ChipSettings,
    Scene,
    balance_sets,
    cut_chip,
    find_resolution,
    read_pairs,
    read_scenes,
    zoom_chip,
)


def scene(height=100, width=140, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.zeros((height, width), np.uint8)
    truth[40:50] = 1
    return Scene(
        f"s{seed}",
        rng.integers(0, 255, (3, height, width), dtype=np.uint8),
        truth,
        np.ones((height, width), bool),
    )


def test_chip_is_a_function_of_its_number():
    """Equal numbers give equal chips, in any order and any process; others differ."""
    settings = ChipSettings(chip_px=64, chips_per_epoch=10)
    one, two = (
        ChipData([scene(), scene(seed=1)], settings),
        ChipData([scene(), scene(seed=1)], settings),
    )
    for index in (7, 3, 123_456):
        assert all(torch.equal(a, b) for a, b in zip(one[index], two[index], strict=True))
    assert not torch.equal(one[1][0], one[2][0])


def test_chip_shapes_and_types():
    """image (3, h, w) uint8; truth and weight (1, h, w) float32."""
    image, truth, weight = ChipData([scene()], ChipSettings(chip_px=64))[0]
    assert (image.shape, truth.shape, weight.shape) == ((3, 64, 64), (1, 64, 64), (1, 64, 64))
    assert (image.dtype, truth.dtype, weight.dtype) == (torch.uint8, torch.float32, torch.float32)


def test_small_scene_is_padded_with_nothing():
    """A scene smaller than the chip: what is beyond it weighs nothing (the lecture scored its black
    padding).
    """
    small = scene(height=50, width=40)
    chip = cut_chip(small, np.random.default_rng(0), 64)
    assert chip.weight.sum() == 50 * 40
    assert (chip.weight[50:] == 0).all()
    assert np.array_equal(chip.image[:, :50, :40], small.image)


def test_invalid_pixels_weigh_nothing():
    """No-data is never trained on."""
    blank = scene()
    blank.valid[:, :70] = False
    data = ChipData([blank], ChipSettings(chip_px=64, augment=NO_AUGMENTATION))
    for index in range(10):
        image, _, weight = data[index]
        assert image.shape[-1] == 64
        assert weight.sum() > 0
    with pytest.raises(InputError, match="no valid pixel"):
        ChipData([Scene("x", blank.image, blank.truth, np.zeros_like(blank.valid))], ChipSettings())


def test_scenes_are_drawn_by_area_and_weight():
    """Twice the valid pixels at a tenth of the weight: drawn a fifth as often."""
    light = dataclasses.replace(scene(width=280), weight=0.1)
    light.image[:] = 255
    heavy = scene(seed=1)
    heavy.image[:] = 0
    data = ChipData([light, heavy], ChipSettings(chip_px=32, augment=NO_AUGMENTATION))
    share = np.mean([bool(data[index][0].max()) for index in range(600)])
    assert share == pytest.approx(0.2 / 1.2, abs=0.05)


def test_sets_are_drawn_equally_often():
    """Two sets of unlike size get the same share of the chips, and scenes of one set keep theirs by
    area.
    """
    sizes = {"a": (64, 64), "b": (64, 128), "c": (128, 256)}
    scenes = [
        Scene(n, np.zeros((3, *s), np.uint8), np.zeros(s, np.uint8), np.ones(s, bool))
        for n, s in sizes.items()
    ]
    share = {
        s.name: s.weight * s.valid.sum() for s in balance_sets(scenes, ["small", "small", "large"])
    }
    assert share["a"] + share["b"] == pytest.approx(share["c"])
    assert share["b"] == pytest.approx(2 * share["a"])


def test_road_share_is_met():
    """With the lecture's 5 % rule chips without road are drawn again."""
    tall = scene(height=250)
    settings = ChipSettings(chip_px=64, min_road_share=0.05, augment=NO_AUGMENTATION)
    with_rule = np.mean([ChipData([tall], settings)[i][1].mean() >= 0.05 for i in range(40)])
    without = np.mean(
        [
            ChipData([tall], ChipSettings(chip_px=64, augment=NO_AUGMENTATION))[i][1].mean() >= 0.05
            for i in range(40)
        ]
    )
    assert with_rule > 0.8 > 0.5 > without


def write_table(folder, rows):
    for row in rows:
        Image.fromarray(
            np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        ).save(folder / row["image"])
        Image.fromarray(np.eye(48, 64, dtype=np.uint8) * 255).save(folder / row["mask"])
    with open(folder / "pairs.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder / "pairs.csv"


def row(name, split="train", set_="a", m_per_px="~0.3-0.5 (est.)"):
    return {
        "set": set_,
        "name": name,
        "image": f"{name}.png",
        "mask": f"{name}_m.png",
        "split": split,
        "m_per_px": m_per_px,
    }


def test_pairs_are_read_by_split_and_set(tmp_path):
    """Rows are chosen by split and set; '~0.3-0.5 (est.)' is 0.4 m a pixel."""
    table = write_table(tmp_path, [row("x"), row("y", "val"), row("z", set_="b")])
    assert [p.name for p in read_pairs(table, split="train")] == ["x", "z"]
    pairs = read_pairs(table, split="train", sets=["b"])
    assert [p.name for p in pairs] == ["z"]
    assert find_resolution(pairs) == pytest.approx(0.4)
    loaded = read_scenes(pairs)[0]
    assert loaded.truth.sum() == 48
    assert read_scenes(pairs, m_per_px=0.8)[0].truth.shape == (24, 32)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"split": "test"}, "no pair in split"),
        ({"sets": ["q"]}, "choose from"),
        ({"table": "absent.csv"}, "no such table"),
    ],
)
def test_bad_tables_are_refused(tmp_path, change, complaint):
    """Wrong split, wrong set, no table: one line with what there is."""
    table = write_table(tmp_path, [row("x")])
    options = {"split": "train", **{k: v for k, v in change.items() if k != "table"}}
    with pytest.raises(InputError, match=complaint):
        read_pairs(tmp_path / change["table"] if "table" in change else table, **options)


def test_sizes_must_match(tmp_path):
    """A mask of another size than its image is refused by name."""
    table = write_table(tmp_path, [row("x")])
    Image.fromarray(np.eye(20, dtype=np.uint8) * 255).save(tmp_path / "x_m.png")
    with pytest.raises(InputError, match=r"x_m\.png"):
        read_scenes(read_pairs(table, split="train"))


def write_placed(folder, transform, epsg, *, mask_too=True):
    """A table of one pair without m_per_px: a bright road in the upper left of (90, 130) pixels
    that lie somewhere.
    """
    road = np.zeros((1, 90, 130), np.uint8)
    road[:, 20:28, :80] = 255
    crs = CRS.from_epsg(epsg)
    write_raster(folder / "x.tif", Raster(np.repeat(road // 2 + 60, 3, 0), transform, crs))
    if mask_too:
        write_raster(folder / "x_m.tif", Raster(road, transform, crs))
    else:
        Image.fromarray(road[0]).save(folder / "x_m.tif", "PNG")
    (folder / "pairs.csv").write_text("set,name,image,mask,split\na,x,x.tif,x_m.tif,train\n")
    return folder / "pairs.csv"


NORTH_UP = Affine(0.33, 0, 500_000, 0, -0.33, 5_000_000)
PLACES = {
    "north up": (NORTH_UP, 32632),
    "south up": (Affine(0.33, 0, 500_000, 0, 0.33, 5_000_000), 32632),
    "degrees": (Affine(4e-6, 0, 11.5, 0, -3e-6, 48.1), 4326),
    "Web Mercator": (Affine(0.5, 0, 1_280_000, 0, -0.5, 6_130_000), 3857),
}


@pytest.mark.parametrize("mask_too", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_mask_lies_on_its_image(tmp_path, place, mask_too):
    """Whatever the image's grid, the mask is where the road is bright, also one that has no place
    of its own.
    """
    table = write_placed(tmp_path, *PLACES[place], mask_too=mask_too)
    (loaded,) = read_scenes(read_pairs(table, split="train"))
    bright, truth = loaded.image[0] > 120, loaded.truth > 0
    assert (bright & truth).sum() > 0.85 * (bright | truth).sum() > 400
    assert loaded.valid.mean() > 0.9


def test_resolution_is_the_files_where_the_table_names_none(tmp_path):
    """0.33 m pixels of a placed image are known to be so; a plain picture's are not."""
    pairs = read_pairs(write_placed(tmp_path, NORTH_UP, 32632), split="train")
    assert find_resolution(pairs) == pytest.approx(0.33)
    assert read_scenes(pairs, m_per_px=1.0)[0].truth.shape == (30, 43)
    (plain,) = read_pairs(write_table(tmp_path, [row("y", m_per_px="")]), split="train")
    assert plain.m_per_px is None


def test_beyond_the_mask_nothing_is_known(tmp_path):
    """Where a placed mask does not reach, the scene is not valid: no road is not the same as not
    known.
    """
    table = write_placed(tmp_path, NORTH_UP, 32632)
    write_raster(
        tmp_path / "x_m.tif", Raster(np.ones((1, 90, 65), np.uint8), NORTH_UP, CRS.from_epsg(32632))
    )
    (loaded,) = read_scenes(read_pairs(table, split="train"))
    assert loaded.valid[:, :65].all() and not loaded.valid[:, 65:].any()


def test_short_rows_are_refused(tmp_path):
    """A row with fewer fields than columns is named with what it lacks."""
    (tmp_path / "pairs.csv").write_text("set,name,image,mask,split\na,x,x.png\n")
    with pytest.raises(InputError, match="row 1: lacks mask, split"):
        read_pairs(tmp_path / "pairs.csv", split="train")


def test_zoomed_chips_show_other_resolutions():
    """With a zoom a stripe of ten pixels is seen wider and narrower, within that factor; equal
    numbers give equal chips.
    """
    settings = ChipSettings(chip_px=32, augment=NO_AUGMENTATION, zoom=2.0)
    data = ChipData([scene()], settings)
    wide = [float(data[k][1].sum(dim=1).max()) for k in range(60)]
    assert max(wide) > 14 and all(width < 10 * 2.1 for width in wide)
    whole = [w for w in wide if w > 3]  # others show a part of the stripe, or none
    assert min(whole) < 8
    assert torch.equal(data[7][0], ChipData([scene()], settings)[7][0])


def test_a_zoomed_pixel_weighs_where_all_it_shows_does():
    """Labels keep their place under a zoom, and what is unknown stays unknown."""
    image = np.zeros((3, 64, 64), np.uint8)
    truth, weight = np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    image[:, 20:30], truth[20:30] = 200, 1
    weight[:, 40:] = 0
    small = zoom_chip(Chip(image, truth, weight), 32)
    assert small.image.dtype == np.uint8 and small.image.shape == (3, 32, 32)
    assert (small.truth[11:14] == 1).all() and (small.truth[16:] == 0).all()
    assert (small.image[:, 11:14] == 200).all()
    assert (small.weight[:, :19] == 1).all() and (small.weight[:, 20:] == 0).all()
