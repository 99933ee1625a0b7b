"""Visual translation after Good 2015: letters on a sign are found, read by a CNN, translated by a
recurrent net.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.compute import Compute, find_compute
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.losses import token_loss
from mapsight.errors import InputError
from mapsight.zoo.figure import BLUE, GREEN, INK, ORANGE, make_figure, tidy
from mapsight.zoo.images import open_upright
from mapsight.zoo.model import ZooModel
from mapsight.zoo.read.fonts import LEARNT, UNSEEN
from mapsight.zoo.read.glyphs import (
    SIGNS,
    draw_glyphs,
    measure_glyphs,
    mix_glyphs,
    read_emnist,
    split_classes,
    vary_glyph,
)
from mapsight.zoo.read.letters import Letter, Page, find_page
from mapsight.zoo.read.overlay import write_over
from mapsight.zoo.read.phrases import Pair, find_references
from mapsight.zoo.read.translation import apply_translator, measure_translation, read_phrases
from mapsight.zoo.read.visual import PHRASE, WORD, Seen, Signs, make_sight, measure_signs
from mapsight.zoo.recipe import Contender, Data, Fold, Outcome, Recipe
from mapsight.zoo.scores import tell_class

_DRAWN = (9000, 600, 1500)  # glyphs cut out of drawn signs: to learn from, to judge by, to test
_SIGNS = 120  # test signs of each kind
_SHOWN = 4


def read_reading(folder: Path) -> Data:
    """`emnist/` (a sheet of glyphs, labels.csv) and `words/` (de.json, a table of English–German
    pairs).
    """
    images, truth = read_emnist(folder / "emnist")
    phrases = read_phrases(folder / "words")
    hand = [(images[part], truth[part]) for part in split_classes(truth)]
    drawn = [
        draw_glyphs(min(wanted, len(truth)), np.random.default_rng(seed), fonts)
        for seed, (wanted, fonts) in enumerate(zip(_DRAWN, (LEARNT, LEARNT, UNSEEN), strict=True))
    ]
    learn, judge, test = (mix_glyphs(*pair) for pair in zip(hand, drawn, strict=True))
    about = (
        f"EMNIST ByClass: {len(hand[0][1])} glyphs to learn from, {len(hand[1][1])} to judge,"
        f" {len(hand[2][1])} to test, and {len(drawn[0][1])}, {len(drawn[1][1])},"
        f" {len(drawn[2][1])} cut out of drawn signs; {phrases.data.about}"
    )
    signs = choose_signs(phrases.tests, phrases.words)
    parts = {
        "phrases": phrases.data,
        "signs": Data((Fold("", signs, None, signs),), (), f"{len(signs)} drawn signs"),
    }
    return Data(
        (Fold("", learn, judge, test),), SIGNS, about, options={"classes": len(SIGNS)}, parts=parts
    )


def choose_signs(
    tests: list[Pair], words: list[Pair], *, each: int = _SIGNS, seed: int = 0
) -> Signs:
    """What test signs say: words of the list, and test sentences without their full stop, with what
    each may mean.
    """
    meanings: dict[str, list[str]] = {}
    for english, german in words:
        meanings.setdefault(german, []).append(english)
    rng = np.random.default_rng(seed)
    known = ((WORD, meanings), (PHRASE, find_references(tests)))
    texts: list[tuple[str, tuple[str, ...], str]] = []
    for kind, references in known:
        fit = [
            german
            for german in sorted(references)
            if re.fullmatch(r"[A-Za-zÄÖÜäöüß ]{3,40}[.!?]?", german)
        ]
        for at in rng.permutation(len(fit))[:each]:
            said = [text.rstrip(".") for text in references[fit[at]]]
            texts.append((fit[at].rstrip("."), (*said, *(f"{text}." for text in said)), kind))
    return Signs(*(tuple(column) for column in zip(*texts, strict=True)))  # type: ignore[arg-type]


def reading_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with a tenth of the target on all signs alike: look-alikes stay possible."""
    return F.cross_entropy(logits, truth, label_smoothing=0.1)


def conclude_reading(
    data: Data, models: Mapping[str, ZooModel], compute: Compute
) -> dict[str, Any]:
    """What both nets are worth together, on drawn signs; nothing where one was not trained."""
    if not {"", "phrases"} <= models.keys():
        return {}
    signs = data.parts["signs"].folds[0].test
    assert isinstance(signs, Signs)
    return measure_signs(signs, make_sight(models, compute))


def consult_both(path: Path, models: Mapping[str, ZooModel], compute: Compute) -> Seen:
    """What stands on the sign in a picture, and what it means; raises InputError where no letters
    are found.
    """
    seen = make_sight(models, compute)(open_upright(path).convert("RGB"))
    expect_letters(path, seen.text.page)
    return seen


def read_letter(path: Path) -> tuple[np.ndarray, ...]:
    """The first letter of a sign, as the reader takes it; raises InputError where none is found."""
    return (expect_letters(path, find_page(open_upright(path).convert("RGB")))[0].image[None],)


def expect_letters(path: Path, page: Page) -> Sequence[Letter]:
    """The page's letters; raises InputError where there are none."""
    if not page.letters:
        raise InputError(
            path, "shows no letters that are found", "give a picture of one sign, near and sharp"
        )
    return page.letters


def tell_reading(answer: Any, labels: tuple[str, ...]) -> dict[str, Any]:
    """The translation, the text it is of, and what the letters alone say; of one letter its
    class.
    """
    if not isinstance(answer, Seen):
        return tell_class(answer, labels)
    return {
        "answer": answer.english,
        "read": answer.text.join(),
        "letters": answer.text.join(known=False),
    }


def render_reading(path: Path, answer: Any) -> Image.Image:
    """The picture with the translation in the place of the text."""
    return write_over(open_upright(path).convert("RGB"), answer.text.page, answer.english)


def draw_reading(outcome: Outcome) -> Figure:
    """Test signs before and after; both nets while they learn; the letters that are taken for each
    other.
    """
    figure = make_figure(12, 10.5)
    grid = figure.add_gridspec(2, 1, height_ratios=(2.1, 1))
    upper, lower = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    _draw_signs(upper, outcome)
    spots = lower.subplots(1, 2, width_ratios=(1, 1.1))
    _draw_learning(spots[0], outcome)
    confused = outcome.results[0].measures.get("confused", [])
    spots[1].bar(
        [f"{truth}→{said}" for truth, said, _ in confused],
        [count for *_, count in confused],
        color=BLUE,
    )
    tidy(
        spots[1],
        "handwritten letters taken for others most often (truth → said)",
        "",
        "test glyphs",
    )
    return figure


def _draw_signs(figure: SubFigure, outcome: Outcome) -> None:
    """Four signs and what was made of them; signs alone where a net is missing."""
    signs = outcome.data.parts["signs"].folds[0].test
    see = (
        make_sight(outcome.models, find_compute("cpu", "fp32")) if len(outcome.models) > 1 else None
    )
    spots = figure.subplots(2, _SHOWN, squeeze=False)
    for column, at in enumerate(np.linspace(0, len(signs) - 1, _SHOWN + 2).astype(int)[1:-1]):
        picture = Image.fromarray(signs[int(at)][0])
        seen = see(picture) if see else None
        for spot, image in zip(
            spots[:, column],
            (picture, write_over(picture, seen.text.page, seen.english) if seen else picture),
            strict=True,
        ):
            spot.imshow(image)
            spot.set_axis_off()
        if seen:
            spots[0, column].set_title(f"read: {seen.text.join()}", fontsize=9.5, color=INK)
            spots[1, column].set_title(seen.english, fontsize=9.5, color=INK)


def _draw_learning(axes: Axes, outcome: Outcome) -> None:
    names = {
        "emnist_accuracy": "handwritten letters",
        "drawn_accuracy": "letters of signs",
        "bleu": "BLEU · 100",
    }
    marks = zip(names.items(), (BLUE, GREEN, ORANGE), strict=True)
    for (key, name), colour in marks:
        for result in outcome.results:
            if key in result.measures:
                values = [100 * row[key] for row in result.history]
                axes.plot(
                    range(1, len(values) + 1),
                    values,
                    "o-",
                    color=colour,
                    markersize=3.5,
                    label=name,
                )
    axes.set_ylim(0, 100)
    tidy(axes, "on the judging items while learning", "epoch", "right, %")
    axes.legend(frameon=False, fontsize=9, loc="lower right")


RECIPE = Recipe(
    name="read",
    title="visual translation: words on signs found, read by a CNN, translated by a recurrent net",
    source=(
        "Good 2015; EMNIST (Cohen et al. 2017, NIST), Tatoeba pairs (CC BY 2.0 FR), word lists"
        " (MIT): fetch by hand"
    ),
    folder=".",
    read=read_reading,
    contenders=(
        Contender("reader", {"strided": True, "dropout": 0.2}),
        Contender(
            "translator",
            {"hidden": 192},
            part="phrases",
            own={
                "loss": token_loss,
                "metric": measure_translation,
                "apply": apply_translator,
                "vary": None,
                "items_per_epoch": 12800,
                "headline": "bleu",
            },
            settings={"learning_rate": 2e-3, "ema_decay": 0.99, "clip_norm": 1.0},
        ),
    ),
    loss=reading_loss,
    metric=measure_glyphs,
    draw=draw_reading,
    read_input=read_letter,
    tell=tell_reading,
    headline="emnist_accuracy",
    render=render_reading,
    consult=consult_both,
    conclude=conclude_reading,
    settings=FitSettings(
        epochs=10, batch_size=64, learning_rate=4e-3, weight_decay=1e-2, ema_decay=0.995, patience=0
    ),
    vary=vary_glyph,
    items_per_epoch=16640,
)
