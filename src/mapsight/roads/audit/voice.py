"""Between folds and threshold: what a net says softly abroad is said as loudly as at home.

The ranking was fitted where nets part roads from ground by a dozen logits. Abroad they part them by
half as many, and everything looks doubtful to it. The map at hand tells by how many.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.metrics import count_pixels
from mapsight.roads.audit.folds import Prediction
from mapsight.roads.audit.labels import Labels
from mapsight.roads.prediction.suit import SEPARATION, measure_separation

_ENOUGH = 0.8  # of the separation at home: places differ, and small ones by chance
_MOST = 2.0  # logits are multiplied by no more
_LEAST_PROBABILITY = 1e-5  # and of no less than this


def raise_voice(prediction: Prediction, labels: Labels, card: ModelCard | None) -> Prediction:
    """Multiply the logits, where roads and ground of the map lie closer together than at home.

    Parameters
    ----------
    prediction : what nets say that have not seen the map where they judge.
    labels : the map, by its own labels.
    card : of the model that the nets began from; None, or without a separation in its measures:
        nothing is changed.
    """
    home = None if card is None else card.measures.get(SEPARATION)
    if home is None:
        return prediction
    seen = prediction.probability
    counts = count_pixels(seen.array[0], labels.truth > 0, seen.valid & (labels.weight > 0))
    if not counts.positives.any() or not counts.negatives.any():
        return prediction
    here = max(measure_separation(counts), 1e-3)
    factor = float(np.clip(_ENOUGH * home / here, 1, _MOST))
    if factor == 1:
        return prediction
    odds = np.clip(seen.array, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    loud = 1 / (1 + ((1 - odds) / odds) ** np.float32(factor))
    note = (
        f"the net parts this map's roads from the ground less clearly than at home; its logits are"
        f" multiplied by {factor:.1f}"
    )
    return dataclasses.replace(
        prediction,
        probability=dataclasses.replace(
            seen, array=np.where(seen.valid, loud, 0).astype(np.float32)
        ),
        note="; ".join(filter(None, (prediction.note, note))),
    )
