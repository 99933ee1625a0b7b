"""Commands of the zoo: list, run, predict, card."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsight.cli.console import say
from mapsight.cli.options import Arithmetic, Device, Seed, find_named_compute, make_dir, write_json
from mapsight.cli.register import register

if TYPE_CHECKING:
    from mapsight.zoo.model import ZooModel
    from mapsight.zoo.recipe import Recipe

_RESULT, _MODEL, _FIGURE = "result.json", "model.safetensors", "figure.png"

RecipeName = Annotated[
    str, typer.Argument(metavar="NAME", help="a recipe, as `mapsight zoo` lists them")
]
Results = Annotated[
    Path, typer.Option("--out", help="folder of the results; each recipe has its own below it")
]

app = typer.Typer(
    invoke_without_command=True,
    help="Classic CNN tasks as short recipes: list, run, predict, card.",
)


@app.callback()
def _list(context: typer.Context, out: Results = Path("zoo")) -> None:
    """Classic CNN tasks as short recipes. Without a command: the list, with the last results found
    in --out.
    """
    if context.invoked_subcommand is not None:
        return
    from mapsight.zoo.recipes import RECIPES

    for recipe in RECIPES.values():
        typer.echo(_wrap(f"{recipe.name:<10} ", recipe.title))
        typer.echo(_wrap(" " * 11, _tell_last(recipe, out)))


def run(
    name: RecipeName,
    data: Annotated[
        Path, typer.Option(help="folder that holds the recipe's data, in a folder of its own")
    ] = Path("data"),
    out: Results = Path("zoo"),
    download: Annotated[
        bool, typer.Option("--download", help="fetch the data set into --data first")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--net", help="only this net of the recipe (again for more)")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="number of epochs; default: the recipe's own")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """Train the nets of a recipe, judge them, draw the result, write the model.

    An interrupted run continues when you give the same command again.
    """
    from mapsight.cnn.processes import join_processes
    from mapsight.zoo.fetch import fetch_files, find_folder
    from mapsight.zoo.figure import write_figure
    from mapsight.zoo.model import write_zoo_model
    from mapsight.zoo.recipes import find_recipe
    from mapsight.zoo.run import choose_settings, describe, run_recipe

    recipe = _keep_nets(find_recipe(name), only or [])
    compute = find_named_compute(device, arithmetic)
    if download:
        fetch_files(_need_files(recipe), data / recipe.folder)
    read = recipe.read(
        find_folder(data, recipe.folder, "give --data DIR" + ", or --download" * bool(recipe.files))
    )
    folder = make_dir(out / recipe.name)
    settings = choose_settings(recipe, read, seed=seed, epochs=epochs)
    say(f"{recipe.name}: {read.about}, on {compute}")
    with join_processes() as processes:
        compute = dataclasses.replace(compute, processes=processes)
        outcome = run_recipe(recipe, read, compute, settings=settings, state_dir=folder)
    if not processes.leads:
        return
    for part, model in outcome.models.items():
        write_zoo_model(folder / _name_model(part), model.net, model.card)
    write_figure(folder / _FIGURE, recipe.draw(outcome))
    write_json(folder / _RESULT, describe(recipe, outcome, settings, compute))
    for state in folder.glob(".*.training.safetensors"):
        state.unlink()
    names = [*map(_name_model, outcome.models), _FIGURE, _RESULT]
    say(f"wrote {', '.join(str(folder / name) for name in names)}")


def predict(
    name: RecipeName,
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="a file of the kind the recipe knows")
    ],
    model: Annotated[
        Path | None, typer.Option(help="default: the model in the recipe's folder of --out")
    ] = None,
    out: Results = Path("zoo"),
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="write the answer as a picture, too, where the recipe makes one"
        ),
    ] = None,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """Apply a trained net to a file of yours, and print the answer as JSON."""
    import numpy as np

    from mapsight.zoo.images import write_picture
    from mapsight.zoo.recipes import find_recipe
    from mapsight.zoo.run import adapt_recipe, apply_net

    recipe, path, compute = (
        find_recipe(name),
        model or out / name / _MODEL,
        find_named_compute(device, arithmetic),
    )
    if picture is not None:
        _check_picture(recipe, source, picture)
    models = _read_models(recipe, path)
    net, card = next(iter(models.values()))
    if recipe.consult is not None:
        answer = recipe.consult(source, models, compute)
    else:
        own = next(
            (adapt_recipe(recipe, c) for c in recipe.contenders if c.net == card.net), recipe
        )
        answer = apply_net(own, net, [(*recipe.read_input(source), np.empty(0))], compute)[0]
    told = {"input": str(source), **recipe.tell(answer, card.labels)}
    if picture is not None and recipe.render is not None:
        write_picture(picture, recipe.render(source, answer))
        told["picture"] = str(picture)
    typer.echo(json.dumps(told, ensure_ascii=False))


def card(name: RecipeName, out: Results = Path("zoo")) -> None:
    """What a recipe is, and what its trained model is worth."""
    from mapsight.zoo.model import read_zoo_model
    from mapsight.zoo.recipes import find_recipe

    recipe = find_recipe(name)
    typer.echo(f"{recipe.name}: {recipe.title}")
    typer.echo(f"source: {recipe.source}")
    typer.echo(f"nets: {', '.join(c.net for c in recipe.contenders)}")
    path = out / name / _MODEL
    if not path.is_file():
        typer.echo(f"not trained yet: no {path}")
        return
    for own in dict.fromkeys(path.with_name(_name_model(c.part)) for c in recipe.contenders):
        if own.is_file():
            model = read_zoo_model(own).card
            typer.echo(f"model: {own}, {model.net}")
            typer.echo(f"trained on: {model.trained_on}")
            typer.echo(f"measures: {json.dumps(_leave_tables_out(model.measures))}")
            typer.echo(f"settings: {json.dumps(model.settings)}")
    whole = _read_whole(path.with_name(_RESULT))
    if whole:
        typer.echo(f"together: {json.dumps(whole)}")


def nets(
    speed: Annotated[
        bool,
        typer.Option(
            "--speed", help="also measure images per second on this machine (takes minutes)"
        ),
    ] = False,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """The nets of ImageNet side by side: layers, parameters, multiply-adds, and on request images a
    second.
    """
    from mapsight.zoo.compare import CLASSIFIERS, describe_net, time_net

    compute = find_named_compute(device, arithmetic)
    typer.echo(f"{'net':<15}{'layers':>7}{'parameters':>13}{'G mult-adds':>13}{'images/s':>10}  of")
    for name in CLASSIFIERS:
        facts = describe_net(name)
        rate = f"{time_net(name, compute):.1f}" if speed else "-"
        costs = (
            f"{facts.layers:>7}{facts.parameters:>13,}{facts.multiply_adds / 1e9:>13.2f}{rate:>10}"
        )
        typer.echo(f"{name:<15}{costs}  {facts.source}")
    if speed:
        say(f"images/s: one image at a time on {compute}")


def _keep_nets(recipe: Recipe, wanted: list[str]) -> Recipe:
    from mapsight.errors import InputError

    known = [contender.net for contender in recipe.contenders]
    for net in wanted:
        if net not in known:
            raise InputError(
                f"--net {net}",
                f"does not take part in '{recipe.name}'",
                f"choose one of {', '.join(known)}",
            )
    kept = tuple(
        contender for contender in recipe.contenders if not wanted or contender.net in wanted
    )
    return dataclasses.replace(recipe, contenders=kept)


def _name_model(part: str) -> str:
    return f"{part}.safetensors" if part else _MODEL


def _read_models(recipe: Recipe, path: Path) -> dict[str, ZooModel]:
    """The recipe's model, and where its nets do different things the others beside it, by their
    parts.
    """
    from mapsight.errors import ModelError
    from mapsight.zoo.model import read_zoo_model

    parts = (
        dict.fromkeys(contender.part for contender in recipe.contenders)
        if recipe.consult
        else {"": None}
    )
    models = {
        part: read_zoo_model(path if not part else path.with_name(_name_model(part)))
        for part in parts
    }
    for model in models.values():
        if model.card.recipe != recipe.name:
            raise ModelError(
                path,
                f"is a model of the recipe '{model.card.recipe}'",
                f"make one with `mapsight zoo run {recipe.name}`",
            )
    return models


def _check_picture(recipe: Recipe, source: Path, picture: Path) -> None:
    """InputError, before anything is computed, for a picture that cannot be had or would stand in
    the input's place.
    """
    from mapsight.errors import InputError
    from mapsight.zoo.images import check_picture_name

    if recipe.render is None:
        raise InputError(
            "--picture", f"recipe '{recipe.name}' answers in words only", "leave it out"
        )
    check_picture_name(picture)
    if picture.resolve() == source.resolve():
        raise InputError(picture, "is the input itself", "give another name")


def _need_files(recipe: Recipe) -> tuple[Any, ...]:
    from mapsight.errors import InputError

    if not recipe.files:
        raise InputError(
            f"recipe '{recipe.name}'", "has no download", f"fetch its data by hand: {recipe.source}"
        )
    return recipe.files


def _tell_last(recipe: Recipe, out: Path) -> str:
    """The last result in one line; a file that is none of ours is said to be so."""
    path = out / recipe.name / _RESULT
    if not path.is_file():
        return "not run yet"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        nets = [
            f"{n['net']} {float(n['measures'][n.get('headline', recipe.headline)]):.4g}"
            f" ({float(n['seconds']):.0f} s)"
            for n in result["nets"]
        ]
        when = f"{str(result['date'])[:10]}, " if "date" in result else ""
        return f"{when}{recipe.headline}: {', '.join(nets)}; {result['place']}"
    except (ValueError, KeyError, TypeError, OSError):
        return f"{path} cannot be read"


def _read_whole(path: Path) -> dict[str, Any]:
    """What the nets of a recipe measured together in its last run; nothing where that is not
    known.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")).get("whole", {}))
    except (ValueError, AttributeError, OSError):
        return {}


def _wrap(start: str, text: str) -> str:
    """Lines of at most 80 signs, those after the first as far in as the first begins."""
    return textwrap.fill(
        text, 80, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
    )


def _leave_tables_out(measures: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v
        for k, v in measures.items()
        if not (isinstance(v, list) and v and isinstance(v[0], list))
    }


register(app, "run", run)
register(app, "predict", predict)
register(app, "card", card)
register(app, "nets", nets)
