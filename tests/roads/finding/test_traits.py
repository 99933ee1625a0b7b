"""Traits against scenes in which it is known what a road looks like, and what does not."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from mapsight.roads.finding.traits import fill_share, make_layers, measure_traits

from ..conftest import BOX, make_lines, photograph, see


@pytest.fixture
def measured(streets):
    """Traits of two streets, of a line over grass, and of one that crosses streets at a slant."""
    probability = see(streets)
    layers = make_layers(probability, photograph(streets))
    lines = make_lines(
        [(100, 20), (100, 580)],
        [(20, 300), (780, 300)],
        [(120, 200), (280, 200)],
        [(20, 40), (780, 560)],
    )
    return measure_traits(layers, probability, lines.geometry, lines["width_m"].to_numpy())


def test_roads_stand_out(measured):
    """Along a street the net says road, and more so than beside it; over grass neither."""
    assert (measured["z_mean"][:2] > 2).all() and (measured["z_mean"][2:] < 0).all()
    assert (measured["ridge"][:2] > 5).all() and abs(measured["ridge"][2]) < 1
    assert (measured["ridge_share"][:2] > 0.9).all() and measured["ridge_share"][2] < 0.1


def test_quantiles_enclose_the_mean(measured):
    """The weakest tenth is no stronger than the mean, the surest no weaker."""
    assert (measured["z_low"] <= measured["z_mean"] + 1e-6).all()
    assert (measured["z_high"] >= measured["z_mean"] - 1e-6).all()
    assert (
        measured["z_high"][3] - measured["z_low"][3] > 3
    )  # crosses streets: sure here, nothing there


def test_edges_run_along_a_road(measured):
    """A street's edges run along it; grass has none that prefer a direction."""
    assert (measured["edges"][:2] > 0.3).all() and abs(measured["edges"][2]) < 0.2


def test_roads_are_even_and_grey(measured):
    """A street's surface is evener than grass, brighter, and not green."""
    assert (
        measured["even"][0] < measured["even"][2]
        and measured["green"][0] < measured["green"][2] - 0.2
    )
    assert measured["brightness"][0] > 0.5 and measured["contrast"][0] > 5 * measured["contrast"][2]


def test_turning_a_line_round_changes_nothing(streets):
    """A trait does not depend on the direction in which a line was drawn."""
    probability = see(streets)
    layers = make_layers(probability, photograph(streets))
    width_m = streets["width_m"].to_numpy()
    there = measure_traits(layers, probability, streets.geometry, width_m)
    back = measure_traits(layers, probability, streets.geometry.reverse(), width_m)
    for name, values in there.items():
        assert back[name] == pytest.approx(values, abs=1e-4), name


def test_fill_is_a_share():
    """In the middle of a yard everything around is road; along a lone street a stripe of its
    width.
    """
    mask = np.zeros(BOX.shape, bool)
    mask[100:300, 100:400] = True  # rows from the top
    yard = gpd.GeoSeries(make_lines([(200, 400), (300, 400)]).geometry)
    assert fill_share(mask, see(make_lines([(0, 0), (1, 1)])), yard, radius_m=25.0)[
        0
    ] == pytest.approx(1.0)
    stripe = np.zeros(BOX.shape, bool)
    stripe[196:206] = True
    share = fill_share(stripe, see(make_lines([(0, 0), (1, 1)])), yard, radius_m=25.0)[0]
    assert share == pytest.approx(10 / 50, abs=0.03)
