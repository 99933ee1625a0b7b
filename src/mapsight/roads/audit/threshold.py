"""Fourth stage: from which probability on it is road, chosen where no net has seen the map."""

from __future__ import annotations

import dataclasses

from mapsight.roads.audit.folds import Prediction
from mapsight.roads.audit.labels import Labels
from mapsight.roads.audit.settings import AuditSettings
from mapsight.roads.prediction.threshold import ThresholdChoice, choose_threshold, count_blocks

_LEAST = 0.001  # the grid's first step: from 0 on everything would be road
# agreement below, and how many were right there (benchmarks.strangers; above, nine in ten are)
_RIGHT_OF_TEN = ((0.4, "four"), (0.6, "six"))


def settle_threshold(
    prediction: Prediction, labels: Labels, settings: AuditSettings
) -> ThresholdChoice:
    """Choose the threshold by the map's own labels (not by those that verdicts mended).

    Blocks of `settings.block_m` are what its interval is drawn from. Raises InputError where no
    valid pixel has a label.
    """
    seen = prediction.probability
    counts = count_blocks(
        seen.array[0],
        labels.truth,
        seen.valid & (labels.weight > 0),
        block_px=round(settings.block_m / seen.geobox.m_per_px),
    )
    choice = choose_threshold(counts, precision=settings.precision)
    note, agreement = "", float(choice.curves.f1.max())
    right = next((right for most, right in _RIGHT_OF_TEN if agreement < most), None)
    if right is not None:
        note = (
            f"net and map agree little here (F1 {agreement:.2f}): where they agreed as little"
            f" elsewhere, about {right} of the first ten findings were right; do not read scores as"
            " probabilities"
        )
    return dataclasses.replace(choice, value=max(choice.value, _LEAST), note=note)
