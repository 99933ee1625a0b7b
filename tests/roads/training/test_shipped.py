"""Which model a road command gets."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from mapsight.cnn.shipped import ANYWHERE, DIGITS, ROADS, read_shipped
from mapsight.errors import ModelError
from mapsight.roads.training.shipped import read_model_or_default


def test_default_is_the_road_net():
    """Without a file it is the shipped net for roads, at 1 m a pixel."""
    assert read_model_or_default(None).card.m_per_px == 1.0


def test_digit_net_is_no_road_model():
    """A sound model of another kind is refused in one line."""
    with pytest.raises(ModelError, match="names a digit and finds no roads"):
        read_model_or_default(Path(str(files("mapsight").joinpath("weights", DIGITS))))


@pytest.mark.parametrize("name", ["shipped", "anywhere"])
def test_shipped_models_say_what_they_know(name):
    """Both road models work at 1 m a pixel, come from open data alone, and say how sure they were
    at home, so that a picture's threshold can be told.
    """
    card = read_model_or_default(name).card
    assert card.m_per_px == 1.0 and 0 < card.threshold < 1
    assert not any(
        word in card.trained_on for word in ("eth", "epfl", "tianjin", "penang", "bhuvan", "win512")
    )
    assert {"sureness_validation", "separation_validation"} <= set(card.measures)


def test_the_model_for_anywhere_is_another_net():
    """It began on ImageNet, and says so."""
    card = read_model_or_default("anywhere").card
    assert card.net == "litenet" != read_model_or_default(None).card.net
    assert "ImageNet" in card.trained_on


def test_weights_stay_small():
    """All road models together fit into 12 MB; half precision changes no parameter's finiteness."""
    folder = files("mapsight").joinpath("weights")
    paths = [Path(str(folder.joinpath(name))) for name in (ROADS, ANYWHERE)]
    assert sum(path.stat().st_size for path in paths) < 12e6
    for path in paths:
        tensors = read_shipped(path.name).net.state_dict().values()
        assert all(t.isfinite().all() for t in tensors if t.is_floating_point())
