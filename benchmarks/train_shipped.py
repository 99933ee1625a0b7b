"""Trains a model to ship: `python -m benchmarks.train_shipped --pairs splits.csv --out FILE`.

Only data with open terms: Massachusetts (orthophotos of MassGIS, labels of OpenStreetMap), Dubai
(CC0), drawn towns, all at 1 m a pixel. The georeferenced windows of Massachusetts (mass_win512) are
left out although they are open: planted errors are judged there. An interrupted run goes on when it
is given again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from benchmarks.pretrained import begin_on
from mapsight.cli.console import say, speak
from mapsight.cnn.augment import ANYWHERE
from mapsight.cnn.checkpoint import write_model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.runtimes import Runner, open_runner
from mapsight.progress import track
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import Scene, ScenePair, read_pairs, read_scenes
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.training.train import TrainSettings, choose_on, identify_training, train_model
from mapsight.town import TownSettings, draw_atlas, draw_town

# by set: how often a chip is drawn, by pixel; Dubai's 45 large images would else be half of all
# chips
SETS = {"mass_crops400": 1.0, "mass_full": 1.0, "dubai": 0.3}
TOWN_M_PER_PX = (1.0, 0.7, 1.4)  # in turn, with --anywhere; else the first
ZOOM = 1.6  # with --anywhere
JUDGE = "mass_crops400"


def main() -> None:
    options = parse_options()
    train = read_pairs(options.pairs, split="train", sets=list(SETS))
    judges = read_scenes(read_pairs(options.pairs, split="val", sets=[JUDGE]), m_per_px=1.0)
    scenes = [*gather_scenes(train, options), *draw_scenes(options)]
    start = read_model_or_default(options.start) if options.start else None
    if options.encoder:
        start = begin_on(options.encoder, options.net, 1.0)
    settings, compute = make_recipe(options), find_compute()
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
    if start is not None and options.mix < 1:
        mix_weights(model.net, start.net, options.mix)
    card = choose_on(judges, model.net, model.card, compute)
    source = (
        f"{len(train)} pairs of {', '.join(SETS)} (split 'train') and {options.towns} drawn towns"
    )
    source += "; its encoder began on ImageNet" * bool(options.encoder)
    write_model(options.out, model.net, replace(card, trained_on=source), half=True)
    say(
        f"{result.stopped}; pooled F1 on validation {card.measures['f1_pooled_validation']:.3f};"
        f" wrote {options.out}"
    )


def parse_options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", type=Path, help="weights to go on from; default: none")
    begin.add_argument("--encoder", type=Path, help="made by benchmarks.pretrained, to begin on")
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
    parser.add_argument("--worlds", type=int, default=0, help="drawn scenes of other worlds")
    parser.add_argument("--net", default="roadnet", help="of the baseline: unet-small")
    parser.add_argument("--loss", default="bce+dice", help="of the baseline: bce")
    parser.add_argument("--optimiser", default="muon", help="of the baseline: adamw")
    parser.add_argument(
        "--encoder-rate",
        type=float,
        default=0.3,
        help="what --encoder learns at, as a share of the learning rate",
    )
    parser.add_argument(
        "--anywhere", action="store_true", help="vary resolution, air and sensor, for strangers"
    )
    parser.add_argument(
        "--teacher", type=Path, help="a model whose word is half of each Massachusetts label"
    )
    parser.add_argument("--epochs", type=int, default=13)
    parser.add_argument("--chips", type=int, default=2048)
    return parser.parse_args()


def gather_scenes(train: Sequence[ScenePair], options: argparse.Namespace) -> list[Scene]:
    """The pairs at 1 m a pixel, weighted by their set; a teacher's word in Massachusetts' labels,
    where there is a teacher.
    """
    read = read_scenes(train, m_per_px=1.0)
    scenes = [replace(s, weight=SETS[pair.set]) for s, pair in zip(read, train, strict=True)]
    if not options.teacher:
        return scenes
    teacher = open_runner(read_model_or_default(options.teacher), find_compute())
    return [
        soften(scene, teacher) if pair.set.startswith("mass") else scene
        for scene, pair in zip(track(scenes, "soften", total=len(scenes)), train, strict=True)
    ]


def draw_scenes(options: argparse.Namespace) -> list[Scene]:
    """Drawn towns; of several resolutions for nets that are to serve any picture."""
    sizes = TOWN_M_PER_PX if options.anywhere else TOWN_M_PER_PX[:1]
    towns = [
        draw_scene(1000 + k, m_per_px=sizes[k % len(sizes)])
        for k in track(range(options.towns), "draw", total=options.towns)
    ]
    atlas = draw_atlas(options.worlds, 1000, m_per_px=(min(sizes), max(sizes)))
    return towns + [
        Scene(drawn.name, drawn.image, drawn.truth, drawn.valid)
        for drawn in track(atlas, "draw", total=options.worlds)
    ]


def make_recipe(options: argparse.Namespace) -> TrainSettings:
    """How the net is taught; the mean of its weights reaches over a fifteenth of the training."""
    recipe = TrainSettings(net=options.net, loss=options.loss)
    steps = options.epochs * options.chips / recipe.fit.batch_size
    fit = replace(
        recipe.fit,
        epochs=options.epochs,
        optimiser=options.optimiser,
        patience=0,
        ema_decay=round(1 - 15 / steps, 3),
        encoder_rate=options.encoder_rate if options.encoder else 1.0,
    )
    chips = replace(recipe.chips, chips_per_epoch=options.chips)
    if options.anywhere:
        chips = replace(chips, augment=ANYWHERE, zoom=ZOOM)
    return replace(recipe, chips=chips, fit=fit)


def mix_weights(net: nn.Module, start: nn.Module, share: float) -> None:
    """Makes `net` the mean of itself, by `share`, and the net it began as (Wortsman et al. 2022,
    eq. 1), in place.
    """
    old = start.state_dict()
    for name, values in net.state_dict().items():
        values.copy_(share * values + (1 - share) * old[name])


def soften(scene: Scene, teacher: Runner) -> Scene:
    """The scene with a label half the map's, half the teacher's: maps omit roads at random."""
    seen = predict_array(scene.image, teacher)
    return replace(scene, truth=0.5 * (scene.truth + seen).astype(np.float32))


def draw_scene(seed: int, *, m_per_px: float = 1.0) -> Scene:
    """A town of 512² px; what is a track, nobody can call road or no road."""
    town = draw_town(TownSettings(size_px=512, m_per_px=m_per_px, seed=seed))
    return Scene(
        f"town{seed}", town.image.array, town.truth, town.image.valid & (town.layers["track"] == 0)
    )


if __name__ == "__main__":
    with speak():
        main()
