"""Trains the model that the package ships: `python -m benchmarks.train_shipped --pairs splits.csv --out FILE`.

Only data with open terms: the Massachusetts sets (orthophotos of MassGIS, labels of OpenStreetMap), Dubai (CC0), and
drawn towns. All at 1 m a pixel. `--start` goes on from a model trained on a part of them.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from mapsight.cnn.checkpoint import read_model, write_model
from mapsight.cnn.runtime import find_place
from mapsight.progress import say, track
from mapsight.roads.chips import Scene, ScenePair, read_pairs, read_scenes
from mapsight.roads.threshold import choose_threshold
from mapsight.roads.train import Model, TrainSettings, count_scenes, train_model, vary
from mapsight.town import TownSettings, draw_town

SETS = ("mass_crops400", "mass_win512", "mass_full", "dubai")
JUDGES = ("mass_crops400", "dubai")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--towns", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=26)
    parser.add_argument("--chips", type=int, default=600)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--blend", type=float, default=0.7, help="share of the trained weights, the rest the start's")
    options = parser.parse_args()
    train = read_pairs(options.pairs, split="train", sets=SETS)
    judges = read_pairs(options.pairs, split="val", sets=JUDGES)
    scenes = read_scenes(train, m_per_px=1.0) + [
        draw_scene(seed) for seed in track(range(1000, 1000 + options.towns), "draw", total=options.towns)
    ]
    settings = vary(TrainSettings(), epochs=options.epochs, chips=options.chips)
    fit = dataclasses.replace(settings.fit, patience=0, learning_rate=options.learning_rate)
    model, result = train_model(
        scenes, read_scenes(judges, m_per_px=1.0), dataclasses.replace(settings, fit=fit), m_per_px=1.0,
        place=find_place(), start=Model(*read_model(options.start)) if options.start else None,
        state_path=options.out.with_suffix(".training.safetensors"),
    )  # fmt: skip
    if options.start:
        model = blend(Model(*read_model(options.start)), model, options.blend)
        model = choose_model_threshold(model, judges)
    source = f"{len(train)} pairs of {', '.join(SETS)} (split 'train') and {options.towns} drawn towns"
    write_model(options.out, model.net, dataclasses.replace(model.card, trained_on=source), half=True)
    say(f"{result.stopped}; pooled F1 on validation {result.best_score:.3f}; wrote {options.out}")


def blend(start: Model, trained: Model, share: float) -> Model:
    """The mean of two models of one line of training (Wortsman et al. 2022, 'Model soups'): a bit of both."""
    first, second = start.net.state_dict(), trained.net.state_dict()
    mixed = {k: torch.lerp(v, second[k], share) if v.is_floating_point() else v for k, v in first.items()}
    trained.net.load_state_dict(mixed)
    return trained


def choose_model_threshold(model: Model, judges: list[ScenePair]) -> Model:
    """The model with the threshold of the highest pooled F1 on the Massachusetts validation crops."""
    scenes = read_scenes([pair for pair in judges if pair.set == "mass_crops400"], m_per_px=1.0)
    choice = choose_threshold(count_scenes(model.net, scenes, model.card, find_place()))
    measures = {"f1_pooled_validation_mass_crops400": choice.f1, "images": len(scenes)}
    card = dataclasses.replace(model.card, threshold=choice.value, threshold_low=choice.low,
                               threshold_high=choice.high, measures=measures)  # fmt: skip
    return Model(model.net, card)


def draw_scene(seed: int) -> Scene:
    """A town at 1 m a pixel; what is a track, nobody can call road or no road."""
    town = draw_town(TownSettings(size_px=512, m_per_px=1.0, seed=seed))
    return Scene(f"town{seed}", town.image.array, town.truth, town.image.valid & (town.layers["track"] == 0))


if __name__ == "__main__":
    main()
