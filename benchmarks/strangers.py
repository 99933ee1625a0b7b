"""What a model is worth on imagery that it has not learnt: `python -m benchmarks.strangers --data
DIR`.

DIR holds `roads/splits.csv` (pairs). A set that is not there is left out, and that is said. Models
are chosen by the validation splits; the tests are judged once.

1. Pixels: each set at the model's own threshold and at the best one of the set. Labels of
   centrelines are judged within a buffer, labels that leave roads out by recall.
2. With `--findings`: crops laid side by side with black between them, lines traced from their
   masks, thirty errors planted. An audit of that map as the model is (`--folds 0`), and with the
   default folds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.plots import replace_block
from benchmarks.strange_maps import DEFAULT_FOLDS, PLACES, measure_places, tell_places
from benchmarks.strange_pixels import STRANGERS, measure_strangers, read_stranger, tell_pixels
from mapsight.atomic import write_atomically
from mapsight.cli.console import say, speak
from mapsight.cnn.compute import find_compute
from mapsight.errors import InputError
from mapsight.roads.training.shipped import read_model_or_default


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="a file or the name of a shipped one; default: 'shipped'")
    parser.add_argument("--set", action="append", help="only these sets or places, by first words")
    parser.add_argument("--findings", action="store_true", help="planted errors, too (slow)")
    parser.add_argument("--folds", type=int, action="append", help="default: 0 and the usual ones")
    parser.add_argument("--docs", type=Path, help="folder whose results.md takes the tables")
    parser.add_argument("--json", type=Path, help="file for everything in numbers")
    options = parser.parse_args()
    model, compute = read_model_or_default(options.model), find_compute()
    table = options.data / "roads" / "splits.csv"

    def is_asked(name: str) -> bool:
        return not options.set or any(name.startswith(word) for word in options.set)

    strangers = []
    for stranger in (s for s in STRANGERS if is_asked(s.name)):
        try:
            read_stranger(table, stranger)
            strangers.append(stranger)
        except InputError as error:
            say(f"{stranger.name} is left out: {error}")
    pixels = measure_strangers(model, table, compute, strangers)
    texts = {"strange-pixels": tell_pixels(pixels)}
    places = []
    if options.findings:
        asked = [place for place in PLACES if is_asked(place.name)]
        folds = options.folds or (0, DEFAULT_FOLDS)
        for row in measure_places(model, table, compute, places=asked, folds=folds):
            places.append(row)
            say(tell_places([row]).splitlines()[2])
        texts["strange-maps"] = tell_places(places)
    for name, text in texts.items():
        print(text, end="\n\n")
        if options.docs:
            block = name if options.model in (None, "shipped") else f"{name}-{options.model}"
            replace_block(options.docs / "results.md", block, text)
    if options.json:
        with write_atomically(options.json) as temporary:
            found = {"pixels": pixels, "places": places}
            temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with speak():
        main()
