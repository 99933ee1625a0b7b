"""The recipe `colorize`: bins against the gamut itself, encodings against a search, measures by
hand, pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial import Delaunay, KDTree
from skimage.color import rgb2lab

from mapsight.errors import InputError
from mapsight.zoo import colorize, photos
from mapsight.zoo.colorize import (
    LABELS,
    RECIPE,
    ab_loss,
    answer_ab,
    answer_classes,
    class_colour_loss,
    measure_colours,
    read_colours,
    take_evenly,
    tell_colours,
)
from mapsight.zoo.colour_scores import (
    compare_colours,
    count_colours,
    find_curves,
    make_grey,
    measure_answers,
)
from mapsight.zoo.colours import anneal_mean, find_bins, find_nearest_bins, soften_bins, weigh_bins
from mapsight.zoo.photos import (
    SHOWN,
    Photos,
    paint_photo,
    read_lab,
    read_photo,
    render_photo,
    thin,
    vary_photo,
)
from mapsight.zoo.recipe import Judged
from mapsight.zoo.run import choose_settings
from tests.zoo.draw import draw_meadow, write_meadows

GRID = np.stack(
    np.meshgrid(np.arange(-150, 151, 10), np.arange(-150, 151, 10), indexing="ij"), -1
).reshape(-1, 2)


def make_gamut(count: int = 40) -> np.ndarray:
    """(count³, 2) ab of sRGB colours from all of the cube."""
    side = np.linspace(0, 1, count)
    return rgb2lab(np.stack(np.meshgrid(side, side, side), -1).reshape(-1, 3))[:, 1:]


def test_there_are_313_bins():
    """Zhang's number; found again by filling the hull with points and collecting the corners of
    their cells.
    """
    bins = find_bins()
    assert bins.shape == (313, 2)
    assert bins[0].tolist() == [-90, 50] and bins[-1].tolist() == [100, 0]
    side = np.arange(-130, 130, 0.25) + 0.125
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    cells = np.floor(points[Delaunay(make_gamut()).find_simplex(points) >= 0] / 10)
    corners = {
        tuple(c) for step in np.ndindex(2, 2) for c in 10 * (np.unique(cells, axis=0) + step)
    }
    assert {tuple(b) for b in bins.tolist()} == corners


def test_other_readings_of_in_gamut():
    """What the docstring says: points that are colours are 229, those nearest to a colour 261; all
    of them are bins.
    """
    gamut, bins = make_gamut(90), {tuple(b) for b in find_bins().tolist()}
    near = {tuple(p) for p in (10 * np.rint(gamut / 10)).tolist()}
    assert len(near) == 261 and near < bins
    inside = {
        tuple(p) for p in GRID[KDTree(gamut).query(GRID)[0] < 0.8].tolist()
    }  # the samples lie 1 apart or less
    assert len(inside) == 229 and inside < bins


def test_nearest_and_soft_bins_by_search():
    """For colours of the whole gamut: the nearest and the five nearest bins of all 313, and a
    Gaussian of σ = 5.
    """
    ab = make_gamut(17).T.reshape(2, 17, 289).astype(np.float32)
    far = np.linalg.norm(ab[:, None] - find_bins().T[:, :, None, None], axis=0)  # (313, H, W)
    assert np.allclose(np.take_along_axis(far, find_nearest_bins(ab)[None], 0)[0], far.min(axis=0))
    classes, shares = (x[0].numpy() for x in soften_bins(torch.from_numpy(ab)[None]))
    found = np.take_along_axis(far, classes, 0)
    assert np.allclose(np.sort(found, axis=0), np.sort(far, axis=0)[:5], atol=1e-3)
    expected = np.exp(-(found**2) / 50)
    assert np.allclose(shares, expected / expected.sum(axis=0), atol=1e-4)


def test_annealed_mean_between_mode_and_mean():
    """Temperature 1 is the mean, 0 the likeliest bin; .38 sharpens as equation 5 says."""
    bins = find_bins()
    probability = np.zeros(313)
    probability[[10, 200]] = 0.7, 0.3
    logits = torch.from_numpy(np.log(probability + 1e-30)).float().view(1, 313, 1, 1)
    sharp = 0.7 ** (1 / 0.38) / (0.7 ** (1 / 0.38) + 0.3 ** (1 / 0.38))
    for temperature, share in ((1.0, 0.7), (0.38, sharp), (0.01, 1.0)):
        found = anneal_mean(logits, temperature)[0, :, 0, 0].numpy()
        assert np.allclose(found, share * bins[10] + (1 - share) * bins[200], atol=1e-3)
    assert np.allclose(anneal_mean(logits), anneal_mean(logits, 0.38))


def test_soft_targets_give_the_colour_back():
    """A net that answers with the targets themselves paints any colour within half a step of the
    grid.
    """
    ab = torch.from_numpy(make_gamut(12).T.reshape(1, 2, 12, 144)).float()
    classes, shares = soften_bins(ab)
    back = anneal_mean(torch.full((1, 313, 12, 144), -30.0).scatter(1, classes, shares.log()))
    far = (back - ab).norm(dim=1)
    assert far.mean() < 2 and far.max() < 5


def test_rebalancing_weights():
    """Their mean over the smoothed distribution is 1; λ = 1 is no rebalancing; λ = .5 bounds what λ
    = 0 does not.
    """
    counts = np.zeros(313)
    grey = find_nearest_bins(np.zeros((2, 1)))[0]
    counts[[grey, 0]] = 9999, 1
    assert np.allclose(weigh_bins(counts, 1.0), 1)
    half, none = weigh_bins(counts), weigh_bins(counts, 0.0)
    assert half[grey] < 1 < half[0] and half.max() / half.min() < 2 * 313
    kernel = np.exp(-((find_bins()[:, None] - find_bins()) ** 2).sum(-1) / 50)
    smooth = kernel / kernel.sum(axis=0) @ (counts / 10_000)
    assert (smooth * half).sum() == pytest.approx(1)
    assert half[grey] / half[0] == pytest.approx((smooth[0] + 1 / 313) / (smooth[grey] + 1 / 313))
    assert none[0] / none[grey] == pytest.approx(smooth[grey] / smooth[0])


def test_losses_know_the_truth():
    """Both losses are least where the net says the truth; the weight of a rare colour counts in the
    first alone.
    """
    bins = torch.from_numpy(find_bins())
    truth = torch.zeros(1, 3, 1, 2)
    truth[0, :, 0, 0], truth[0, :, 0, 1] = (
        torch.tensor([40.0, 40.0, 5.0]),
        torch.tensor([0.0, 0.0, 1.0]),
    )
    classes, shares = soften_bins(truth[:, :2])
    right = torch.full((1, 313, 1, 2), -30.0).scatter(1, classes, shares.log())
    wrong = [right.clone(), right.clone()]
    wrong[0][0, :, 0, 0], wrong[1][0, :, 0, 1] = (
        right[0, :, 0, 1],
        right[0, :, 0, 0],
    )  # the rare one, the common one
    losses = [class_colour_loss(logits, truth).item() for logits in (right, *wrong)]
    assert losses[0] < losses[2] < losses[1]
    assert ab_loss(truth[:, :2] / 25, truth).item() == 0
    assert ab_loss(torch.zeros(1, 2, 1, 2), truth).item() == pytest.approx(2 * 1.6**2 / 4)
    answers = answer_classes(right), answer_ab(truth[:, :2] / 25)
    for answer in answers:
        assert torch.equal(bins[answer[0, 2].long()], truth[0, :2].movedim(0, -1))
    assert torch.allclose(answers[1][:, :2], truth[:, :2])


def test_measures_by_hand():
    """Three grey pixels and a red one: distances 0, 15, 30 and 150 make areas of 1, .9, .8 and
    0.
    """
    truth = np.array([[[0, 0, 0, 60]], [[0, 0, 0, 40]]], np.float32)
    answer = np.array(
        [[[0, 15, 0, -90]], [[0, 0, 30, 40]], [[find_nearest_bins(np.zeros((2, 1)))[0]] * 3 + [7]]]
    )
    measures = measure_answers(answer[None], truth[None])
    assert measures["auc"] == pytest.approx((1 + 0.9 + 0.8 + 0) / 4)
    assert measures["top1"] == 0.75 and measures["photos"] == 1
    assert measures["auc_95"] is None
    # both colours alike: the kernel spreads either over its neighbours by nearly the same share
    assert measures["auc_rebalanced"] == pytest.approx(0.45, abs=0.02)
    assert measures["top1_rebalanced"] == pytest.approx(0.5, abs=0.02)
    assert measures["grey"]["auc"] == pytest.approx((3 + 1 - np.hypot(60, 40) / 150) / 4)
    assert measures["grey"]["top1"] == 0.75
    assert measures["chroma"] == pytest.approx((15 + 30 + np.hypot(90, 40)) / np.hypot(60, 40))


def test_intervals_are_over_photographs():
    """Of answers that are alike in every photograph the interval is the value; a better one is
    surely better.
    """
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 20, (6, 2, 5, 5)).round(-1)
    truth[:] = truth[0]
    off = np.concatenate([truth + np.array([15, 0])[:, None, None], np.zeros((6, 1, 5, 5))], axis=1)
    exact = np.concatenate([truth, find_nearest_bins(truth.swapaxes(0, 1))[:, None]], axis=1)
    counts = [count_colours(pair, known) for *pair, known in zip(exact, off, truth, strict=True)]
    rates, bounds, over = compare_colours(counts)
    assert np.allclose(rates[0], 1) and np.allclose(rates[1, :2], 0.9)
    assert np.allclose(bounds[0], rates) and np.allclose(bounds[1], rates)
    assert np.allclose(over[:, 0, :2], 0.1)


def test_curves_have_the_area_of_the_measures():
    """The mean of the curve over its distances is the measure, up to the width of a step."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 25, (3, 2, 8, 8))
    answers = np.concatenate(
        [truth + rng.normal(0, 20, truth.shape), np.zeros((3, 1, 8, 8))], axis=1
    )
    curves, distances = find_curves(answers, truth)
    measures = measure_answers(answers, truth)
    areas = np.trapezoid(curves, distances) / 150
    assert areas == pytest.approx([measures["auc"], measures["auc_rebalanced"]], abs=1 / 150)
    assert (np.diff(curves) >= 0).all() and np.allclose(curves[:, -1], 1)
    grey = np.stack([make_grey(known) for known in truth])
    assert np.allclose(find_curves(grey, truth)[0][0, 0], 0)


def test_only_shown_photographs_are_not_measured():
    """What stands in show/ is drawn, never counted."""
    truth = np.zeros((2, 2, 4, 4))
    truth[1] = 50
    outputs = np.zeros((2, 3, 4, 4))
    judged = Judged(outputs, truth, np.zeros(2), np.array(["", SHOWN]))
    assert (
        measure_colours(judged, None)["auc"] == 1 and measure_colours(judged, None)["photos"] == 1
    )


def test_folders_of_any_depth(tmp_path):
    """train/ and val/ with classes below them, as ImageNet has, train/ and test/, and BSDS's names
    give the same.
    """
    write_meadows(tmp_path / "a", 4, 2)
    (tmp_path / "a" / "show").mkdir()
    draw_meadow(np.random.default_rng(9)).save(tmp_path / "a" / "show" / "s.png")
    (tmp_path / "a" / "train" / "notes.txt").write_text("no picture")
    data = read_colours(tmp_path / "a")
    train, test = data.folds[0].train, data.folds[0].test
    assert (len(train), len(test), test.names) == (4, 3, ["", "", SHOWN])
    assert (
        data.folds[0].judge is None
        and "4 colour photographs" in data.about
        and "2 to test" in data.about
    )
    for old, new in (
        ("test", "val"),
        ("train", "bsds_train"),
        ("val", "bsds_test"),
        ("show", "cc0"),
    ):
        (tmp_path / "a" / old).rename(tmp_path / "a" / new)
        if new in ("val", "cc0"):
            again = read_colours(tmp_path / "a").folds[0]
            assert [p.name for p in again.test.paths] == [p.name for p in test.paths]
            assert np.array_equal(again.train[1][1], train[1][1])
    assert take_evenly([Path(str(n)) for n in range(10)], 4) == [
        Path("0"),
        Path("3"),
        Path("6"),
        Path("9"),
    ]


def test_too_few_photographs_are_refused(tmp_path):
    """One to learn from, none to test, a file that is none: one line each."""
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="0 photographs"):
        read_colours(tmp_path)
    write_meadows(tmp_path / "b", 3, 1)
    (tmp_path / "b" / "train" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="is no picture"):
        read_colours(tmp_path / "b")


def test_schedule_follows_the_number_of_photographs(tmp_path, monkeypatch):
    """Few photographs are seen often by a narrow net; 20,000 get the paper's width and its
    batch.
    """
    write_meadows(tmp_path, 2, 1)
    few = read_colours(tmp_path)
    assert few.options == {"width": 1 / 8} and few.settings == {"epochs": 3750}
    paths = {
        "train": [tmp_path / "train" / "1.png"] * 20_000,
        "test": [tmp_path / "test" / "more" / "0.png"] * 3000,
    }
    monkeypatch.setattr(colorize, "list_photos", lambda folder: paths.get(folder.name, []))
    many = read_colours(tmp_path)
    settings = choose_settings(RECIPE, many)
    assert many.options == {"width": 1.0} and (settings.epochs, settings.batch_size) == (8, 40)
    assert len(many.folds[0].test) == 1000


def test_truth_moves_with_the_lightness(tmp_path):
    """A window, mirrored or not: the colours are those of the pixels seen; every fourth pixel is
    answered for.
    """
    write_meadows(tmp_path, 2, 1)
    weights = np.arange(313, dtype=float)
    lightness, truth = Photos((tmp_path / "train" / "1.png",), weights)[0]
    assert lightness.shape == (1, 160, 160) and truth.shape == (3, 160, 160)
    assert np.array_equal(truth[2], find_nearest_bins(truth[:2]))
    marked = np.stack(
        [lightness[0], *lightness[[0, 0]]]
    )  # the truth is the lightness itself, to see that it moves along
    seen = [vary_photo((lightness, marked), np.random.default_rng(seed)) for seed in range(8)]
    for image, known in seen:
        assert image.shape == (1, 128, 128) and known.shape == (3, 32, 32)
        pair = np.stack([thin(image)[0].ravel(), known[0].ravel()])[
            :, (np.abs(thin(image)[0]) < 0.99).ravel()
        ]
        assert np.corrcoef(pair)[0, 1] > 0.999
    assert len({image.tobytes() for image, _ in seen}) == 8
    assert np.array_equal(Photos((tmp_path / "train" / "1.png",))[0][1], thin(truth[:2]))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_photograph_keeps_its_lightness_and_size(mode):
    """Painted with a quiet colour, every pixel has its L and that ab; transparency stays; strips
    leave no seam.
    """
    picture = draw_meadow(np.random.default_rng(2), (211, 97)).convert(mode)
    picture = picture.convert("RGB") if mode == "L" else picture
    if mode == "RGBA":
        picture.putalpha(77)
    painted = paint_photo(picture, np.array([8.0, -12.0]).reshape(2, 1, 1))
    assert painted.size == picture.size and painted.mode == picture.mode
    before, after = (rgb2lab(np.asarray(p.convert("RGB"))) for p in (picture, painted))
    assert np.abs(before[..., 0] - after[..., 0]).max() < 0.5
    assert np.abs(after[..., 1:] - (8, -12)).max() < 1.5
    assert mode != "RGBA" or painted.getchannel("A").getextrema() == (77, 77)


def test_strips_leave_no_seam(monkeypatch):
    """Painted a few rows at a time or at once: the same picture."""
    picture = draw_meadow(np.random.default_rng(2), (90, 61))
    ab = np.random.default_rng(0).normal(0, 15, (2, 40, 40))
    whole = np.asarray(paint_photo(picture, ab)).astype(int)
    monkeypatch.setattr(photos, "_STRIP_PX", 300)
    assert np.abs(whole - np.asarray(paint_photo(picture, ab))).max() <= 1


def test_a_turned_photograph_is_painted_upright(tmp_path):
    """EXIF's orientation: the answer's sky lies where the viewer sees the sky, and the size is that
    of the view.
    """
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = draw_meadow(np.random.default_rng(2), (90, 60))
    upright.transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "turned.jpg", exif=exif, quality=95
    )
    upright.save(tmp_path / "upright.png")
    turned, plain = (read_photo(tmp_path / name)[0] for name in ("turned.jpg", "upright.png"))
    assert np.abs(turned - plain).mean() < 0.05
    ab = np.zeros((3, 2, 1))
    ab[1, 0] = -30  # blue above
    painted = np.asarray(render_photo(tmp_path / "turned.jpg", ab)).astype(int)
    assert painted.shape == (60, 90, 3)
    assert (painted[:10, :, 2] > painted[:10, :, 0] + 20).mean() > 0.9
    assert np.abs(painted[50:, :, 2] - painted[50:, :, 0]).max() < 20


def test_a_line_of_pixels_is_a_picture(tmp_path):
    """A picture of 1 × 300 px is read and painted."""
    Image.new("RGB", (1, 300), "teal").save(tmp_path / "line.png")
    assert read_photo(tmp_path / "line.png")[0].shape == (1, 160, 160)
    assert render_photo(tmp_path / "line.png", np.zeros((3, 40, 40))).size == (1, 300)


def test_colours_have_names():
    """sRGB's own colours are called as people call them."""
    names = {
        "red": "red",
        "yellow": "yellow",
        "green": "lime",
        "blue": "blue",
        "turquoise": "darkturquoise",
        "grey": "silver",
        "orange or brown": "saddlebrown",
        "violet": "magenta",
        "pink": "deeppink",
    }
    for name, colour in names.items():
        lab = rgb2lab(np.asarray(Image.new("RGB", (4, 4), colour)))
        told = tell_colours(lab[..., 1:].transpose(2, 0, 1), LABELS)
        assert told == {"answer": name, "share": {name: 1.0}}, colour


def test_real_photographs_if_there():
    """The 84 photographs here: 60 to learn from, 20 to test, 4 to show; grey is the commonest
    colour.
    """
    folder = Path(__file__).parents[3] / "shared" / "data" / "colour"
    if not folder.is_dir():
        pytest.skip("the colour photographs are not here (../shared/data/colour)")
    data = read_colours(folder)
    fold = data.folds[0]
    assert (len(fold.train), len(fold.test), sum(name == SHOWN for name in fold.test.names)) == (
        60,
        24,
        4,
    )
    assert find_bins()[fold.train.weights.argmin()].tolist() == [0, 0]
    truth = np.stack([fold.test[at][1] for at in range(20)])
    grey = measure_answers(np.stack([make_grey(known) for known in truth]), truth)
    assert grey["auc"] == grey["grey"]["auc"] and 0.8 < grey["auc"] < 0.95
    assert grey["auc_rebalanced"] < grey["auc"] - 0.05
    assert read_lab(fold.test.paths[0]).shape == (3, 160, 160)
