"""The table of recipes: a new one is its file and a row here."""

from __future__ import annotations

from mapsight.errors import InputError
from mapsight.zoo import colorize, digits, emotion, imagenet, objects, roads, scenes, steering
from mapsight.zoo.read import recipe as read
from mapsight.zoo.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        digits.RECIPE,
        objects.RECIPE,
        objects.HUNDRED,
        imagenet.RECIPE,
        scenes.RECIPE,
        roads.RECIPE,
        colorize.RECIPE,
        steering.RECIPE,
        emotion.RECIPE,
        read.RECIPE,
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; raises InputError with the names there are."""
    if name not in RECIPES:
        raise InputError(f"recipe '{name}'", "unknown", f"choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
