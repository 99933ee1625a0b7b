"""What drawn places teach about real strangers: `python -m benchmarks.worlds --pairs splits.csv`.

A net learns from nothing, once on drawn towns of home alone, once on drawn worlds alone; all else
is equal. It is judged on real imagery of three strange sets, and by what it finds again in Penang
at the middle of their best thresholds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.strange_pixels import CHOOSING, STRANGERS, measure_strangers
from benchmarks.train_shipped import draw_scene
from mapsight.cli.console import say, speak
from mapsight.cnn.checkpoint import Model, write_model
from mapsight.cnn.compute import find_compute
from mapsight.progress import track
from mapsight.roads.training.chips import Scene
from mapsight.roads.training.train import TrainSettings, identify_training, train_model
from mapsight.town import draw_atlas

M_PER_PX, RANGE = 1.0, (0.7, 1.4)
SEED = 1000


def main() -> None:
    options = parse_options()
    scenes = draw_towns(options.scenes) if options.of == "home" else draw_worlds(options.scenes)
    model = teach(scenes, options.steps, options.out)
    say(tell(model, options.pairs))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="splits.csv of the data")
    parser.add_argument("--of", choices=("home", "worlds"), required=True, help="what to learn")
    parser.add_argument("--out", type=Path, required=True, help="where the model is written")
    parser.add_argument("--scenes", type=int, default=42)
    parser.add_argument("--steps", type=int, default=600)
    return parser.parse_args()


def draw_towns(count: int) -> list[Scene]:
    """Towns of home, at resolutions spread over RANGE."""
    sizes = np.geomspace(*RANGE, count)
    return [
        draw_scene(SEED + k, m_per_px=float(sizes[k]))
        for k in track(range(count), "draw", total=count)
    ]


def draw_worlds(count: int) -> list[Scene]:
    """As many scenes of all other worlds in turn, of the same size and resolutions."""
    atlas = draw_atlas(count, SEED, m_per_px=RANGE)
    return [
        Scene(drawn.name, drawn.image, drawn.truth, drawn.valid)
        for drawn in track(atlas, "draw", total=count)
    ]


def teach(scenes: Sequence[Scene], steps: int, out: Path) -> Model:
    """A roadnet from nothing, `steps` batches of four chips of 256 px, written to `out`."""
    recipe = TrainSettings()
    fit = replace(recipe.fit, epochs=4, patience=0, ema_decay=max(round(1 - 15 / steps, 3), 0.0))
    chips = replace(recipe.chips, chip_px=256, chips_per_epoch=steps // fit.epochs * fit.batch_size)
    settings = replace(recipe, chips=chips, fit=fit)
    model, _ = train_model(
        scenes,
        [],
        settings,
        m_per_px=M_PER_PX,
        compute=find_compute(),
        state_path=out.with_suffix(".training.safetensors"),
        identity=identify_training(scenes, [], settings, None),
    )
    write_model(out, model.net, model.card)
    return model


def tell(model: Model, pairs: Path) -> str:
    """Best F1 and AP of the strangers, and what is found again of Penang."""
    chosen = [stranger for stranger in STRANGERS if stranger.name in CHOOSING]
    rows = measure_strangers(model, pairs, find_compute(), chosen)
    middle = float(np.median([row["best_threshold"] for row in rows]))
    there = Model(model.net, replace(model.card, threshold=middle))
    loose = [stranger for stranger in STRANGERS if stranger.name == "penang"]
    (penang,) = measure_strangers(there, pairs, find_compute(), loose)
    lines = [
        f"{row['set']}: F1 {row['best_f1']:.3f} at {row['best_threshold']:.3f},"
        f" AP {row['average_precision']:.3f}"
        for row in rows
    ]
    lines.append(
        f"penang at {middle:.3f}: recall {penang['relaxed_recall']:.3f},"
        f" precision {penang['relaxed_precision']:.3f} within {penang['slack_m']:g} m"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    with speak():
        main()
