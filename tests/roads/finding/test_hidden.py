"""Canopy and shadow are told from grass and asphalt, on towns whose trees are known."""

from __future__ import annotations

import numpy as np
import pytest

from mapsight.roads.finding.hidden import find_hidden
from mapsight.town import TownSettings, draw_town


@pytest.mark.parametrize("seed", [1, 5])
def test_trees_of_a_green_town(seed):
    """Much of what is called hidden are trees or shadow, and open road is hardly ever called so."""
    town = draw_town(TownSettings(size_px=500, m_per_px=1.0, seed=seed, biome="green", density=0.5))
    hidden = find_hidden(town.image.array, town.image.valid, 1.0)
    layers = town.layers
    open_road = (town.truth > 0) & (layers["canopy_over_road"] == 0) & (layers["shadow"] == 0)
    assert hidden[open_road].mean() < 0.1
    covered = (layers["trees"] > 0) | (layers["shadow"] > 0)
    assert hidden[covered].mean() > 2 * hidden[~covered].mean()


def test_nothing_valid_hides_nothing():
    """An empty image has no hidden places, only none at all."""
    assert not find_hidden(np.zeros((3, 50, 50), np.uint8), np.zeros((50, 50), bool), 1.0).any()
