"""Trains a model to ship: `python -m benchmarks.train_shipped --pairs splits.csv --out FILE`.

Only data with open terms: Massachusetts (orthophotos of MassGIS, labels of OpenStreetMap), Dubai
(CC0), drawn towns, all at 1 m a pixel. The georeferenced windows of Massachusetts (mass_win512) are
left out although they are open: planted errors are judged there. An interrupted run goes on when it
is given again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from torch import nn

from mapsight.cnn.checkpoint import write_model
from mapsight.cnn.compute import find_compute
from mapsight.progress import say, track
from mapsight.roads.training.chips import Scene, read_pairs, read_scenes
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.training.train import TrainSettings, choose_on, identify_training, train_model
from mapsight.town import TownSettings, draw_town

# by set: how often a chip is drawn, by pixel; Dubai's 45 large images would else be half of all
# chips
SETS = {"mass_crops400": 1.0, "mass_full": 1.0, "dubai": 0.3}
JUDGE = "mass_crops400"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from; default: none")
    parser.add_argument(
        "--mix",
        type=float,
        default=1.0,
        help="share of the trained weights in the mean with --start",
    )
    parser.add_argument(
        "--last", action="store_true", help="keep the last epoch, not the best on validation"
    )
    parser.add_argument("--towns", type=int, default=24)
    parser.add_argument("--net", default="roadnet", help="of the baseline: unet-small")
    parser.add_argument("--loss", default="bce+dice", help="of the baseline: bce")
    parser.add_argument("--optimiser", default="muon", help="of the baseline: adamw")
    parser.add_argument("--epochs", type=int, default=13)
    parser.add_argument("--chips", type=int, default=2048)
    options = parser.parse_args()
    train = read_pairs(options.pairs, split="train", sets=list(SETS))
    judges = read_scenes(read_pairs(options.pairs, split="val", sets=[JUDGE]), m_per_px=1.0)
    read = read_scenes(train, m_per_px=1.0)
    scenes = [replace(s, weight=SETS[pair.set]) for s, pair in zip(read, train, strict=True)]
    scenes += [
        draw_scene(seed)
        for seed in track(range(1000, 1000 + options.towns), "draw", total=options.towns)
    ]
    start = read_model_or_default(options.start) if options.start else None
    recipe = TrainSettings(net=options.net, loss=options.loss)
    steps = options.epochs * options.chips / recipe.fit.batch_size
    ema_decay = round(
        1 - 15 / steps, 3
    )  # the mean of the weights reaches over a fifteenth of the training
    fit = replace(
        recipe.fit,
        epochs=options.epochs,
        optimiser=options.optimiser,
        patience=0,
        ema_decay=ema_decay,
    )
    settings = replace(recipe, chips=replace(recipe.chips, chips_per_epoch=options.chips), fit=fit)
    compute = find_compute()
    model, result = train_model(
        scenes,
        [] if options.last else judges,
        settings,
        m_per_px=1.0,
        compute=compute,
        start=start,
        state_path=options.out.with_suffix(".training.safetensors"),
        identity=identify_training(scenes, judges, settings, start),
    )
    if start is not None:
        mix_weights(model.net, start.net, options.mix)
    card = choose_on(judges, model.net, model.card, compute)
    source = (
        f"{len(train)} pairs of {', '.join(SETS)} (split 'train') and {options.towns} drawn towns"
    )
    write_model(options.out, model.net, replace(card, trained_on=source), half=True)
    say(
        f"{result.stopped}; pooled F1 on validation {card.measures['f1_pooled_validation']:.3f};"
        f" wrote {options.out}"
    )


def mix_weights(net: nn.Module, start: nn.Module, share: float) -> None:
    """Makes `net` the mean of itself, by `share`, and the net it began as (Wortsman et al. 2022,
    eq. 1), in place.
    """
    old = start.state_dict()
    for name, values in net.state_dict().items():
        values.copy_(share * values + (1 - share) * old[name])


def draw_scene(seed: int) -> Scene:
    """A town at 1 m a pixel; what is a track, nobody can call road or no road."""
    town = draw_town(TownSettings(size_px=512, m_per_px=1.0, seed=seed))
    return Scene(
        f"town{seed}", town.image.array, town.truth, town.image.valid & (town.layers["track"] == 0)
    )


if __name__ == "__main__":
    main()
