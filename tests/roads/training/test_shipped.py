"""Which model a road command gets."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from mapsight.cnn.shipped import DIGITS
from mapsight.errors import ModelError
from mapsight.roads.training.shipped import read_model_or_default


def test_default_is_the_road_net():
    """Without a file it is the shipped net for roads, at 1 m a pixel."""
    assert read_model_or_default(None).card.m_per_px == 1.0


def test_digit_net_is_no_road_model():
    """A sound model of another kind is refused in one line."""
    with pytest.raises(ModelError, match="names a digit and finds no roads"):
        read_model_or_default(Path(str(files("mapsight").joinpath("weights", DIGITS))))
