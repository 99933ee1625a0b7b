"""Trains the digit net that the package ships: `python -m benchmarks.train_digits --data
MNIST-FOLDER --out FILE`.

MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0): 55,000 digits train, 5,000 choose the epoch, and the
10,000 of the test set are looked at once, at the end. Training digits are turned, sheared, scaled,
moved and thickened a little, since people who paint a digit with a mouse do all of that.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cli.console import say, speak
from mapsight.cnn.checkpoint import ModelCard, write_model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.fit import Batch, FitSettings, fit
from mapsight.cnn.nets import make_zoo_net
from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.errors import InputError

VALIDATION = 5000  # the last so many of the training digits
CARD = ModelCard(
    "digits-small",
    0.0,
    bands=("grey",),
    label="digit",
    classes=tuple("0123456789"),
    trained_on=(
        "MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0), the first 55,000 training digits, slightly"
        " deformed"
    ),
)


class Digits:
    """Deformed training digits by index: image (1, 28, 28) uint8 and label; a function of the index
    alone.
    """

    def __init__(self, images: Tensor, labels: Tensor, seed: int = 0) -> None:
        self.images, self.labels, self.seed = images, labels, seed
        self._epoch, self._order = (
            -1,
            np.arange(0),
        )  # the order of the epoch that was asked for last

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(index, len(self))
        if epoch != self._epoch:
            self._epoch, self._order = (
                epoch,
                np.random.default_rng((self.seed, epoch)).permutation(len(self)),
            )
        chosen = int(self._order[place])
        return (
            deform(self.images[chosen], np.random.default_rng((self.seed, index))),
            self.labels[chosen],
        )


def deform(image: Tensor, rng: np.random.Generator) -> Tensor:
    """(1, 28, 28) uint8 → the same digit up to 14° turned, sheared by 0.15, scaled by 0.85 … 1.2,
    moved by 3 px.
    """
    angle, shear = rng.uniform(-0.25, 0.25), rng.uniform(-0.15, 0.15)
    scale, (dx, dy) = 1 / rng.uniform(0.85, 1.2), rng.uniform(-3, 3, 2) / 14
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn @ np.array([[1, shear], [0, 1]]), [dx, dy]])
    grid = F.affine_grid(
        torch.from_numpy(matrix[None]).float(), [1, 1, 28, 28], align_corners=False
    )
    moved = F.grid_sample(image[None].float(), grid, align_corners=False)
    if rng.random() < 0.3:
        moved = torch.lerp(moved, F.max_pool2d(moved, 3, 1, 1), float(rng.uniform(0, 0.8)))
    return moved[0].round().to(torch.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the four idx .gz files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    images, labels = read_idx(options.data, "train")
    compute = find_compute("cpu", "fp32")
    settings = FitSettings(
        epochs=options.epochs, batch_size=128, learning_rate=3e-3, ema_decay=0.995, patience=0
    )
    torch.manual_seed(settings.seed)
    net = make_zoo_net(CARD.net)
    result = fit(
        net,
        Digits(images[:-VALIDATION], labels[:-VALIDATION]),
        batch_loss,
        lambda judged: {
            "score": measure_accuracy(judged, images[-VALIDATION:], labels[-VALIDATION:])
        },
        compute=compute,
        settings=settings,
        title="digits",
    )
    accuracy = measure_accuracy(net, *read_idx(options.data, "t10k"))
    low, high = wilson_interval(accuracy, 10_000)
    measures = {
        "accuracy_test": accuracy,
        "low_95": low,
        "high_95": high,
        "images": 10_000,
        "accuracy_validation": result.best_score,
    }
    write_model(
        options.out,
        net,
        ModelCard(**{**asdict(CARD), "settings": asdict(settings), "measures": measures}),
    )
    say(
        f"accuracy on the test set {accuracy:.4f} [{low:.4f}, {high:.4f}], on validation"
        f" {result.best_score:.4f}; wrote {options.out}"
    )


def batch_loss(net: nn.Module, batch: Batch) -> Tensor:
    image, label = batch
    return F.cross_entropy(net(scale_images(image, CARD)), label)


@torch.inference_mode()
def measure_accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    net.eval()
    right = sum(
        int((net(scale_images(x, CARD)).argmax(1) == y).sum())
        for x, y in zip(images.split(500), labels.split(500), strict=True)
    )
    return right / len(labels)


def wilson_interval(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share of n independent cases (Wilson 1927)."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(centre - half), float(centre + half)


def read_idx(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """(images (N, 1, 28, 28) uint8, labels (N,) int64) of the part 'train' or 't10k'."""
    images, labels = (
        _read(folder / f"{part}-{kind}.gz") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    return torch.from_numpy(images[16:].reshape(-1, 1, 28, 28)), torch.from_numpy(
        labels[8:].astype(np.int64)
    )


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(path, "no such file", "give the folder of MNIST's four idx .gz files")
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8).copy()


if __name__ == "__main__":
    with speak():
        main()
