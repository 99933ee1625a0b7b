"""Augmentation moves image and truth together, and depends on its generator alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from mapsight.cnn.augment import (
    ANYWHERE,
    NO_AUGMENTATION,
    AugmentSettings,
    Chip,
    augment_chip,
    deform_planes,
    turn_planes,
)


def marked(size=48):
    """An image whose red band is its truth."""
    truth = np.zeros((size, size), np.float32)
    truth[10:16, 5:40] = 1
    truth[20:44, 30:36] = 1
    image = np.zeros((3, size, size), np.uint8)
    image[0] = truth * 255
    return Chip(image, truth, np.ones((size, size), np.float32))


PLACE_ONLY = dataclasses.replace(NO_AUGMENTATION, flip=True, scale=0.25, rotate=1.0)


@pytest.mark.parametrize("seed", range(12))
def test_truth_follows_the_image(seed):
    """After any turn, flip and zoom the red band still is the truth."""
    chip = augment_chip(marked(), np.random.default_rng(seed), PLACE_ONLY)
    assert chip.image.shape == (3, 48, 48)
    assert np.abs(chip.image[0] / 255 - chip.truth).max() < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_known_beyond_the_edge(seed):
    """Pixels that came from outside the chip weigh nothing."""
    shrunk = augment_chip(
        marked(),
        np.random.default_rng(seed),
        dataclasses.replace(PLACE_ONLY, scale=0.0, flip=False),
    )
    assert ((shrunk.weight == 0) | (shrunk.weight > 0.99)).all()
    assert 0.6 < (shrunk.weight > 0).mean() <= 1


def test_equal_generators_give_equal_chips():
    """A chip is a function of its generator's seed."""
    one, two = (
        augment_chip(marked(), np.random.default_rng(5), AugmentSettings()) for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_none_is_none():
    """No augmentation gives the chip back."""
    chip = augment_chip(marked(), np.random.default_rng(0), NO_AUGMENTATION)
    assert all(np.array_equal(a, b) for a, b in zip(chip, marked(), strict=True))


def test_tones_bend_and_colours_fade():
    """Saturation −1 … 1 about 1 spares greys; γ keeps black, white and the order of tones, in each
    band its own.
    """
    ramp = np.broadcast_to(np.arange(0, 256, 5, dtype=np.uint8)[:, None], (3, 52, 52)).copy()
    grey = Chip(ramp, np.zeros((52, 52), np.float32), np.ones((52, 52), np.float32))
    saturated = dataclasses.replace(NO_AUGMENTATION, saturation=0.9)
    assert np.array_equal(augment_chip(grey, np.random.default_rng(3), saturated).image, ramp)
    colour = grey._replace(image=ramp * np.array([1, 0, 0], np.uint8)[:, None, None])
    seen = [
        augment_chip(colour, np.random.default_rng(seed), saturated).image[:2, 30, 0]
        for seed in range(20)
    ]
    assert min(int(a) - int(b) for a, b in seen) < 60 < 150 == colour.image[0, 30, 0]
    bent = [
        augment_chip(
            grey,
            np.random.default_rng(seed),
            dataclasses.replace(NO_AUGMENTATION, gamma=0.35, band_gamma=0.12),
        )
        .image[:, :, 0]
        .astype(int)
        for seed in range(20)
    ]
    for bands in bent:
        assert (
            (bands[:, 0] == 0).all()
            and (bands[:, -1] == 255).all()
            and (np.diff(bands, axis=1) >= 0).all()
        )
        assert not np.array_equal(bands[0], bands[1])
    middle = [int(bands[0, 26]) for bands in bent]
    assert min(middle) < 110 and max(middle) > 150


def test_bands_have_their_own_contrast():
    """What is as bright as the image's mean stays; shadows and bright ground change hue in opposite
    ways.
    """
    ramp = np.broadcast_to(np.arange(1, 256, 2, dtype=np.uint8)[:, None], (3, 128, 128)).copy()
    grey = Chip(ramp, np.zeros((128, 128), np.float32), np.ones((128, 128), np.float32))
    settings = dataclasses.replace(NO_AUGMENTATION, band_contrast=0.4)
    for seed in range(10):
        red, _, blue = (
            augment_chip(grey, np.random.default_rng(seed), settings).image[:, :, 0].astype(int)
        )
        assert abs(red[64] - 128) <= 2 and abs(blue[64] - 128) <= 2
        assert (red[40] - blue[40]) * (red[88] - blue[88]) <= 0
        assert 0.55 < (red[88] - red[40]) / 96 < 1.45


def test_deformation_is_smooth_and_joint():
    """Planes bend alike, labels stay labels, neighbours stay neighbours, and no deformation is
    none.
    """
    rows, columns = np.mgrid[:60, :80].astype(float)
    planes = np.stack([rows, columns, (columns > 40) * 3.0])
    same = deform_planes(planes, np.random.default_rng(0), sigma_px=0.0)
    assert np.allclose(same, planes)
    bent = deform_planes(planes, np.random.default_rng(0), sigma_px=4.0)
    assert 1 < np.abs(bent[0] - rows)[20:40, 20:60].mean() < 8
    assert (
        np.abs(np.diff(bent[:2], axis=1)).max() < 2.5
        and np.abs(np.diff(bent[:2], axis=2)).max() < 2.5
    )
    labels = deform_planes(planes, np.random.default_rng(0), sigma_px=4.0, order=0)[2]
    assert set(np.unique(labels)) == {0.0, 3.0}
    assert ((labels == 3) == (bent[1] > 40.5)).mean() > 0.97


def test_elastic_chips_know_their_edge():
    """A chip that is bent keeps its truth on its image, and what came from beyond its edge weighs
    nothing.
    """
    still = dataclasses.replace(NO_AUGMENTATION, elastic_px=4.0)
    chip = augment_chip(marked(), np.random.default_rng(3), still)
    assert np.abs(chip.image[0] / 255 - chip.truth).max() < 0.02
    assert (chip.weight == 0).any() and (chip.weight > 0.99).any()


@pytest.mark.parametrize(("angle", "zoom"), [(0.3, 1.2), (0.0, 0.8), (2.5, 1.0)])
def test_turning_is_scipys_affine_transform(angle, zoom):
    """Mirrored inside and out as scipy's bilinear one; what is known (the last plane) differs at
    single edge pixels.
    """
    planes = ndimage.gaussian_filter(
        np.random.default_rng(0).random((3, 60, 45)), (0, 2, 2)
    ).astype(np.float32)
    planes[-1] = 1
    centre = (np.array(planes.shape[1:]) - 1) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    expected = [
        ndimage.affine_transform(plane, matrix, centre - matrix @ centre, order=1, mode=mode)
        for plane, mode in zip(planes, ("mirror", "mirror", "constant"), strict=True)
    ]
    turned = turn_planes(planes, angle, zoom)
    np.testing.assert_allclose(turned[:-1], expected[:-1], atol=1e-4)
    assert ((turned[-1] > 0.99) != (expected[-1] > 0.99)).mean() < 0.002


def chip_of(image):
    return Chip(image, np.zeros(image.shape[1:], np.float32), np.ones(image.shape[1:], np.float32))


@pytest.mark.parametrize("effect", ["haze", "coarse", "sharp", "shade", "grey"])
def test_another_sky_changes_the_picture_alone(effect):
    """Each effect of air and sensor changes what is seen, in full range, and no label."""
    image = np.random.default_rng(1).integers(40, 200, (3, 48, 64), dtype=np.uint8)
    image = ndimage.gaussian_filter(image, (0, 1, 1))
    before = chip_of(image)
    settings = dataclasses.replace(NO_AUGMENTATION, **{effect: 1.0})
    after = augment_chip(before, np.random.default_rng(2), settings)
    assert after.image.dtype == np.uint8 and after.image.shape == image.shape
    assert np.abs(after.image.astype(int) - image).max() > 3
    assert np.array_equal(after.truth, before.truth) and np.array_equal(after.weight, before.weight)
    detail = [np.abs(np.diff(a.astype(float), axis=2)).mean() for a in (image, after.image)]
    if effect in ("haze", "coarse"):
        assert detail[1] < 0.95 * detail[0]
    if effect == "sharp":
        assert detail[1] > 1.05 * detail[0]
    if effect == "shade":
        assert (after.image <= image).all()
    if effect == "grey":
        assert np.ptp(after.image, axis=0).max() == 0


def test_anywhere_is_more_of_everything():
    """The recipe for strangers varies nothing less than the usual one."""
    usual, anywhere = (dataclasses.asdict(s) for s in (AugmentSettings(), ANYWHERE))
    assert all(anywhere[name] >= value for name, value in usual.items())
