"""What is said of the machine that computes."""

import pytest
import torch

from mapsight.cnn.compute import find_compute


@pytest.mark.parametrize(("count", "words"), [(1, "cpu, 1 thread, "), (2, "cpu, 2 threads, ")])
def test_threads_are_counted_in_words(count: int, words: str):
    """One thread is named in the singular."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        assert str(find_compute("cpu")).startswith(words)
    finally:
        torch.set_num_threads(before)
