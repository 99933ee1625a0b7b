"""IoU of masks from rendered maps, by style and compression, with and without inpainting; and a
picture of it.

python -m benchmarks.rendered_maps [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image
from tests.geo.sources.cartography import STYLES, draw_map

from mapsight.geo.sources.palette import parse_colour
from mapsight.geo.sources.rendered import RenderedSettings, find_roads

TUNED_ON, OTHERS = 3, (11, 12)


def measure(name: str, seed: int, jpeg: int | None) -> tuple[float, float]:
    """IoU without and with inpainting."""
    drawn = draw_map(STYLES[name], seed=seed, jpeg=jpeg)
    colours = [parse_colour(colour) for colour in STYLES[name].colours]
    masks = [
        find_roads(drawn.image, colours, RenderedSettings(inpaint=inpaint))
        for inpaint in (False, True)
    ]
    return tuple(float((m & drawn.truth).sum() / (m | drawn.truth).sum()) for m in masks)  # type: ignore[return-value]


def draw_picture(path: str) -> None:
    """Map, mask without and mask with inpainting, a row each of three styles; red too much, blue
    too little.
    """
    rows = []
    for name, left, top in (("light", 130, 60), ("pastel", 130, 60), ("dark", 130, 60)):
        drawn = draw_map(STYLES[name])
        colours = [parse_colour(colour) for colour in STYLES[name].colours]
        part = np.s_[top : top + 200, left : left + 300]
        cells = [drawn.image[part]]
        for inpaint in (False, True):
            mask = find_roads(drawn.image, colours, RenderedSettings(inpaint=inpaint))
            cell = np.full((*mask.shape, 3), 255, np.uint8)
            cell[mask & drawn.truth], cell[mask & ~drawn.truth], cell[~mask & drawn.truth] = (
                40,
                (220, 50, 47),
                (38, 110, 220),
            )
            cells.append(cell[part])
        gap = np.full((200, 6, 3), 160, np.uint8)
        rows += [
            np.concatenate([cells[0], gap, cells[1], gap, cells[2]], axis=1),
            np.full((6, 912, 3), 160, np.uint8),
        ]
    Image.fromarray(np.concatenate(rows[:-1])).save(path, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw_picture(sys.argv[1])
    for name in STYLES:
        for jpeg in (None, 90, 80):
            seeds = OTHERS if name == "held-out" else (TUNED_ON, *OTHERS)
            found = [measure(name, seed, jpeg) for seed in seeds]
            figures = [
                f"town {s}: {a:.3f} → {b:.3f}" for s, (a, b) in zip(seeds, found, strict=True)
            ]
            print(name, "PNG" if jpeg is None else f"JPEG {jpeg}", *figures, flush=True)
