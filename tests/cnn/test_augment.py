"""Augmentation moves image and truth together, and depends on its generator alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mapsight.cnn.augment import NO_AUGMENTATION, AugmentSettings, Chip, augment_chip


def marked(size=48):
    """An image whose red band is its truth."""
    truth = np.zeros((size, size), np.float32)
    truth[10:16, 5:40] = 1
    truth[20:44, 30:36] = 1
    image = np.zeros((3, size, size), np.uint8)
    image[0] = truth * 255
    return Chip(image, truth, np.ones((size, size), np.float32))


PLACE_ONLY = AugmentSettings(brightness=0, contrast=0, colour=0, blur=0, noise=0, jpeg=0, rotate=1.0)


@pytest.mark.parametrize("seed", range(12))
def test_truth_follows_the_image(seed):
    """After any turn, flip and zoom the red band still is the truth."""
    chip = augment_chip(marked(), np.random.default_rng(seed), PLACE_ONLY)
    assert chip.image.shape == (3, 48, 48)
    assert np.abs(chip.image[0] / 255 - chip.truth).max() < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_known_beyond_the_edge(seed):
    """Pixels that came from outside the chip weigh nothing."""
    shrunk = augment_chip(marked(), np.random.default_rng(seed), dataclasses.replace(PLACE_ONLY, scale=0.0, flip=False))
    assert ((shrunk.weight == 0) | (shrunk.weight > 0.99)).all()
    assert 0.6 < (shrunk.weight > 0).mean() <= 1


def test_equal_generators_give_equal_chips():
    """A chip is a function of its generator's seed."""
    one, two = (augment_chip(marked(), np.random.default_rng(5), AugmentSettings()) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_none_is_none():
    """No augmentation gives the chip back."""
    chip = augment_chip(marked(), np.random.default_rng(0), NO_AUGMENTATION)
    assert all(np.array_equal(a, b) for a, b in zip(chip, marked(), strict=True))
