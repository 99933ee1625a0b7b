"""Claims about the step from any numbers to bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mapsight.geo.scaling import scale_to_bytes


@given(
    arrays.arrays(np.float64, (1, 3, 4), elements=st.floats(allow_nan=True, allow_infinity=True))
)
def test_any_float_becomes_a_byte_without_complaint(values: np.ndarray) -> None:
    """NaN, infinities and the largest floats are clipped, never wrapped."""
    scaled = scale_to_bytes(values, (0.0, 10.0))
    assert scaled.dtype == np.uint8
    assert (scaled[values >= 10] == 255).all()
    assert (scaled[values <= 0] == 0).all()
    assert (scaled[np.isnan(values)] == 0).all()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32"])
def test_the_ends_and_the_middle(dtype: str) -> None:
    """low → 0, high → 255, the middle → 128 (rounded), outside clipped."""
    raw = (
        np.array([[[-100, 0, 1000, 2000, 9000]]], dtype if dtype != "uint16" else "int32")
        .clip(0)
        .astype(dtype)
    )
    assert scale_to_bytes(raw, (0, 2000)).tolist() == [[[0, 0, 128, 255, 255]]]
