"""BLEU of a corpus (Papineni et al. 2002): how much of what was said stands in one of the
references.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from mapsight.cnn.bootstrap import draw_weights

ORDER = 4
Sentence = Sequence[Hashable]  # words, or tokens that stand for them


def count_matches(said: Sentence, references: Sequence[Sentence]) -> np.ndarray:
    """(10,) counts of one sentence: n-grams found and n-grams said for n = 1 … 4, its length, the
    nearest reference's.

    An n-gram is found as often as the reference that has it most often has it (section 2.1).
    """
    row = np.zeros(2 * ORDER + 2)
    for n in range(1, ORDER + 1):
        grams = _count_grams(said, n)
        most: Counter[tuple[Hashable, ...]] = Counter()
        for reference in references:
            most |= _count_grams(reference, n)
        row[n - 1], row[ORDER + n - 1] = (grams & most).total(), grams.total()
    row[-2] = len(said)
    row[-1] = min(
        (len(reference) for reference in references), key=lambda size: (abs(size - len(said)), size)
    )
    return row


def find_bleu(counts: np.ndarray) -> float:
    """BLEU in [0, 1] of counts (10,), sums over a corpus; 0 where an order has no match (no
    smoothing).
    """
    found, said = counts[:ORDER], counts[ORDER : 2 * ORDER]
    if not found.all():
        return 0.0
    brevity = min(1.0, float(np.exp(1 - counts[-1] / counts[-2])))
    return brevity * float(np.exp(np.log(found / said).mean()))


def find_bleu_interval(
    counts: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap over sentences, counts (N, 10)."""
    drawn = draw_weights(len(counts), resamples, np.random.default_rng(seed)) @ counts
    low, high = np.percentile([find_bleu(row) for row in drawn], [2.5, 97.5])
    return float(low), float(high)


def _count_grams(words: Sentence, n: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
