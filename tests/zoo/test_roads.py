"""The recipe `roads`: pairs of any layout, windows that share the pixels out, patches, the
lecture's measures.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mapsight.cnn.compute import find_compute
from mapsight.errors import InputError
from mapsight.zoo.pairs import ELSEWHERE, cover_images, find_starts, read_pairs
from mapsight.zoo.recipe import Data, Judged
from mapsight.zoo.roads import (
    RECIPE,
    cut_crop,
    measure_roads,
    paint_errors,
    read_aerial,
    read_roads,
    road_loss,
    settle_threshold,
    slide_patches,
)
from mapsight.zoo.run import judge
from tests.zoo.draw import draw_aerial, write_aerials

NO_DATA = Data((), (), "")


def write_pair(folder: Path, width: int, height: int) -> None:
    """One pair for each split, of that size."""
    rng = np.random.default_rng(3)
    lines = ["image,mask,split"]
    for split in ("train", "val", "test"):
        for kind in ("i", "m"):
            shape = (height, width, 3) if kind == "i" else (height, width)
            array = rng.integers(0, 256, shape) if kind == "i" else 255 * rng.integers(0, 2, shape)
            Image.fromarray(array.astype(np.uint8)).save(folder / f"{kind}-{split}.png")
        lines.append(f"i-{split}.png,m-{split}.png,{split}")
    (folder / "pairs.csv").write_text("\n".join(lines))


@pytest.mark.parametrize("form", ["tiff/{}", "{}", "author"])
def test_layouts_hold_the_same_pairs(tmp_path, form):
    """The table, the folders of Kaggle with and without `tiff/`, and the author's own give the same
    pairs.
    """
    write_aerials(tmp_path / "table", (2, 1, 1))
    write_aerials(tmp_path / "folders", (2, 1, 1), "folders")
    root = tmp_path / "folders"
    if form == "{}":
        root = root / "tiff"
    elif form == "author":
        for split in ("train", "val", "test"):
            (root / split).mkdir()
            (root / "tiff" / split).rename(root / split / "sat")
            (root / "tiff" / f"{split}_labels").rename(root / split / "map")
    for split, pairs in read_pairs(tmp_path / "table")[0].items():
        others = read_pairs(root)[0][split]
        assert [pair.name for pair in pairs] == [pair.name for pair in others]
        for a, b in zip(cover_images(pairs, 160), cover_images(others, 160), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_largest_set_of_a_table(tmp_path):
    """Sets with other labels are left out: the one with most training pairs counts, and is
    named.
    """
    write_aerials(tmp_path, (3, 1, 1))
    table = tmp_path / "pairs.csv"
    extra = "\n".join(
        f"other,o{split},i/test/test0.png,m/test/test0.png,{split}"
        for split in ("train", "val", "test")
    )
    table.write_text(table.read_text() + "\n" + extra)
    splits, name = read_pairs(tmp_path)
    assert name == "drawn"
    assert [len(splits[split]) for split in ("train", "val", "test")] == [3, 1, 1]


def test_hostile_pairs_are_refused(tmp_path):
    """A missing split, missing columns, a mask of another size, a picture that is none, images too
    small: one line.
    """
    write_aerials(tmp_path, (2, 1, 1))
    table = tmp_path / "pairs.csv"
    good = table.read_text()
    for text, word in (
        (good.replace(",test\n", ",train\n").removesuffix("test") + "train", "'test'"),
        ("name,image\na,b", "lacks the columns mask, split"),
        ("", "lacks the columns"),
        (good.replace("m/val/val0.png", "m/val/absent.png"), "no such file"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=word):
            read_roads(tmp_path)
    table.write_text(good)
    Image.new("L", (80, 160)).save(tmp_path / "m" / "val" / "val0.png")
    with pytest.raises(InputError, match="not as large"):
        read_roads(tmp_path)
    (tmp_path / "m" / "val" / "val0.png").write_text("<html>")
    with pytest.raises(InputError, match="no picture"):
        read_roads(tmp_path)
    write_pair(tmp_path, 90, 300)
    with pytest.raises(InputError, match="too small"):
        read_roads(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(400, 400), (1500, 1500), (417, 833), (402, 1000)])
def test_each_pixel_is_judged_once(tmp_path, width, height):
    """Windows of an image of any size put together give its mask, each pixel from one window, none
    near a window's edge but at the image's own.
    """
    write_pair(tmp_path, width, height)
    (pair,) = read_pairs(tmp_path)[0]["test"]
    windows = cover_images([pair], 400)
    mask, seen = np.zeros((height, width), np.uint8), np.zeros((height, width), int)
    for (_, top, left), (image, truth) in zip(windows.places, windows, strict=True):
        own = truth != ELSEWHERE
        mask[top : top + 400, left : left + 400][own] = truth[own]
        seen[top : top + 400, left : left + 400] += own
        assert image.shape == (3, 400, 400)
        if 0 < top < height - 400:
            assert not own[:20].any() and not own[-20:].any()
    assert (seen == 1).all()
    assert np.array_equal(mask > 0, np.asarray(Image.open(pair.mask)) > 0)
    assert windows.names == ["i-test"] * len(windows)
    assert all((truth != ELSEWHERE).all() for _, truth in cover_images([pair], 400, shared=True))


@pytest.mark.parametrize("length", [400, 401, 750, 751, 1500, 4000])
def test_starts_overlap_by_an_eighth(length):
    """First window at the beginning, last one at the end, neighbours at most seven eighths
    apart.
    """
    starts = find_starts(length, 400)
    assert starts[0] == 0 and starts[-1] == length - 400
    assert all(0 < b - a <= 351 for a, b in zip(starts, starts[1:], strict=False))


class Middle(torch.nn.Module):
    """A patch net that answers with the middle of what it sees."""

    def forward(self, patches):
        assert patches.shape[1:] == (3, 64, 64)
        return patches[:, :1, 24:40, 24:40]


def test_patches_come_back_in_their_places():
    """A net that copies its middle gives the whole image in evaluation, and all but 24 px a side in
    training.
    """
    image = torch.rand(2, 3, 112, 144)
    assert torch.equal(slide_patches(Middle().eval(), [image]), image[:, :1])
    assert torch.equal(slide_patches(Middle().train(), [image]), image[:, :1, 24:-24, 24:-24])


def test_loss_is_of_the_middle():
    """A smaller answer is compared with the middle of the truth: right there, it costs nothing."""
    truth = torch.zeros(1, 12, 12, dtype=torch.uint8)
    truth[0, 4:8, 4:8] = torch.eye(4)
    logits = 40 * (torch.eye(4)[None, None] - 0.5)
    assert road_loss(logits, truth).item() < 1e-6
    assert road_loss(-logits, truth).item() > 10


def test_crop_moves_image_and_truth_together():
    """Where the image is light is where the truth is road, however the crop was turned."""
    image, mask = draw_aerial(np.random.default_rng(0))
    truth = (np.asarray(mask) > 0).astype(np.uint8)
    item = (np.asarray(image).transpose(2, 0, 1), truth)
    kinds = set()
    for seed in range(12):
        seen, road = cut_crop(item, np.random.default_rng(seed), 64)
        assert (
            seen.shape == (3, 64, 64) and seen.dtype == np.uint8 and set(np.unique(road)) <= {0, 1}
        )
        if 0 < road.sum() < road.size:
            assert seen[:, road == 1].mean() > seen[:, road == 0].mean() + 60
        kinds.add(road.tobytes())
    assert len(kinds) > 6


def make_judged(said: np.ndarray, truth: np.ndarray, names: list[str]) -> Judged:
    """Probabilities (N, H, W) as a net would give them."""
    p = np.clip(said, 1e-3, 1 - 1e-3)
    return Judged(
        np.log(p / (1 - p))[:, None].astype(np.float32), truth, np.zeros(len(p)), np.array(names)
    )


def test_measures_by_hand():
    """Pooled and mean precision, recall and F1 of two images, one of them in two windows that
    overlap.
    """
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (3, 20, 20)).astype(np.uint8)
    truth[0, :, 15:] = truth[1, :, :5] = ELSEWHERE
    said = rng.integers(0, 2, (3, 20, 20)).astype(float)
    measures = measure_roads(
        make_judged(said, truth, ["a", "a", "b"]), NO_DATA._replace(facts={"threshold": 0.5})
    )

    def count(kept):
        t, s = truth[kept], said[kept]
        hits, marked, road = (
            ((s == 1) & (t == 1)).sum(),
            ((s == 1) & (t != ELSEWHERE)).sum(),
            (t == 1).sum(),
        )
        return hits / marked, hits / road, 2 * hits / (marked + road)

    for key, value in zip(("precision", "recall", "f1"), count([0, 1, 2]), strict=True):
        assert measures[f"{key}_pooled"] == pytest.approx(value)
    for at, key in enumerate(("precision", "recall", "f1")):
        assert measures[f"{key}_mean"] == pytest.approx((count([0, 1])[at] + count([2])[at]) / 2)
    assert measures["images"] == 2 and measures["threshold"] == 0.5


def test_slack_of_three_pixels():
    """A road marked three pixels aside is right for the relaxed breakeven, four aside is not; F1
    sees both.
    """
    truth = np.zeros((1, 60, 60), np.uint8)
    truth[0, :, 20:22] = 1
    for aside, perfect in ((3, True), (6, False)):
        judged = make_judged(np.roll(truth, aside, axis=2) * 0.9, truth, ["a"])
        measures = measure_roads(judged, NO_DATA)
        assert (measures["relaxed_breakeven"] > 0.999) == perfect
        assert measures["score"] == measures["relaxed_breakeven"]
        assert measures["f1_pooled"] < 0.1


def test_threshold_is_that_of_the_judging_images():
    """It is the one of the highest F1: between road at .3 and the rest at .2."""
    truth = np.zeros((1, 40, 40), np.uint8)
    truth[0, 10:14] = 1
    settled = settle_threshold(make_judged(np.where(truth == 1, 0.3, 0.2), truth, ["a"]), NO_DATA)
    assert 0.2 < settled["threshold"] <= 0.3
    assert measure_roads(make_judged(0.25 * truth, truth, ["a"]), NO_DATA._replace(facts=settled))[
        "recall_pooled"
    ] in (
        0.0,
        1.0,
    )


def test_colours_of_the_lecture():
    """Found yellow, marked for nothing red, missed blue; elsewhere the grey photograph."""
    said, truth = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    right, wrong, missed, rest = paint_errors(np.full((1, 4, 3), 100, np.uint8), said, truth)[
        0
    ].astype(int)
    assert right[0] > 200 and right[1] > 180 and right[2] < 120
    assert wrong[0] > wrong[1] + 50 and wrong[0] > wrong[2] + 50
    assert missed[2] > missed[0] + 50
    assert rest[0] == rest[1] == rest[2]


def test_sizes_of_pictures_of_the_users(tmp_path):
    """Cut to multiples of 16 px; too small and too large are refused."""
    Image.new("RGB", (333, 100)).save(tmp_path / "a.png")
    assert read_aerial(tmp_path / "a.png")[0].shape == (3, 96, 320)
    for size in ((333, 60), (3000, 200)):
        Image.new("RGB", size).save(tmp_path / "b.png")
        with pytest.raises(InputError, match="px"):
            read_aerial(tmp_path / "b.png")


def test_names_reach_the_metric(tmp_path):
    """Outputs, truth and names of windows stand side by side after judging."""
    write_aerials(tmp_path, (2, 2, 1))
    items = read_roads(tmp_path).folds[0].judge
    recipe = dataclasses.replace(RECIPE, judge_batch=1, apply=None)
    net = torch.nn.Conv2d(3, 1, 1)
    judged = judge(recipe, net, items, find_compute("cpu", "fp32"))
    assert judged.names.tolist() == ["val0", "val1"]
    assert judged.outputs.shape == (2, 1, 160, 160) and judged.truth.shape == (2, 160, 160)


def test_real_massachusetts_if_there():
    """The split of the data beside the checkout: 317, 48 and 13 crops, no image in two splits."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "roads"
    if not folder.is_dir():
        pytest.skip("the road pairs are not here (../shared/data/roads)")
    splits, name = read_pairs(folder)
    assert name == "mass_crops400"
    assert [len(splits[split]) for split in ("train", "val", "test")] == [317, 48, 13]
    assert len({pair.image for pairs in splits.values() for pair in pairs}) == 378
    image, truth = cover_images(splits["test"], 400)[0]
    assert image.shape == (3, 400, 400) and 0.005 < truth.mean() < 0.4
