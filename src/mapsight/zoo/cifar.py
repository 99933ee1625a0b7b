"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the published binary files, or from one npz of the
same arrays.

The 'python version' is pickled and never read. A record of the binary version is one label byte
(CIFAR-100: two, the coarse class first), then 3,072 bytes of the image: 3 bands of 32 × 32, row by
row.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mapsight.errors import InputError

_SIDE_PX = 32
_IMAGE_BYTES = 3 * _SIDE_PX**2
_MOST_BYTES = 1 << 30
_TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class Kind(NamedTuple):
    """One of the two sets: its files, and how many label bytes stand in front of an image (the last
    one counts).
    """

    train: tuple[str, ...]
    test: str
    names: str
    label_bytes: int
    classes: int


KINDS = (
    Kind(
        tuple(f"data_batch_{n}.bin" for n in range(1, 6)),
        "test_batch.bin",
        "batches.meta.txt",
        1,
        10,
    ),
    Kind(("train.bin",), "test.bin", "fine_label_names.txt", 2, 100),
)


class Cifar(NamedTuple):
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of both parts, and the names of the
    classes.
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    names: tuple[str, ...]


def read_cifar(folder: Path) -> Cifar:
    """Whichever form lies in the folder, or in a folder within it; raises InputError where there is
    none.
    """
    for root in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        for kind in KINDS:
            if (root / kind.test).is_file():
                return _read_binary(root, kind)
        packed = sorted(root.glob("*.npz"))
        if packed:
            return _read_packed(packed[0])
    raise InputError(
        folder,
        "holds no CIFAR",
        "give the files of its binary version (…_batch.bin), or --download",
    )


def _read_binary(root: Path, kind: Kind) -> Cifar:
    parts = [read_records(root / name, kind) for name in kind.train]
    train = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    return Cifar(
        train, read_records(root / kind.test, kind), _read_names(root / kind.names, kind.classes)
    )


def read_records(path: Path, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one binary file; raises InputError for a file that is not whole or has
    other labels.
    """
    if not path.is_file():
        raise InputError(path, "is missing", "give all files of the binary version, or --download")
    size, record = path.stat().st_size, kind.label_bytes + _IMAGE_BYTES
    if not size or size % record or size > _MOST_BYTES:
        raise InputError(
            path, f"has {size} bytes, no whole number of records of {record}", "fetch it again"
        )
    rows = np.fromfile(path, np.uint8).reshape(-1, record)
    labels = rows[:, kind.label_bytes - 1].astype(np.int64)
    if labels.max() >= kind.classes:
        raise InputError(
            path, f"has a label {labels.max()}", f"give a file of {kind.classes} classes"
        )
    return rows[:, kind.label_bytes :].reshape(-1, 3, _SIDE_PX, _SIDE_PX), labels


def _read_packed(path: Path) -> Cifar:
    try:
        with zipfile.ZipFile(path) as archive:
            stated = sum(info.file_size for info in archive.infolist())
            if stated > _MOST_BYTES:
                raise InputError(path, f"states {stated} bytes", "give one of CIFAR's size")
            arrays = [_read_array(archive, f"{name}.npy") for name in _ARRAYS]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            path, f"cannot be read ({error})", f"give an npz of {', '.join(_ARRAYS)}"
        ) from None
    (train, test) = (_check_pair(path, *arrays[at : at + 2]) for at in (0, 2))
    classes = int(max(train[1].max(), test[1].max())) + 1
    return Cifar(train, test, _read_names(path.parent / "classes.txt", classes))


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_pair(path: Path, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sound = x.ndim == 4 and x.shape[1:] == (_SIDE_PX, _SIDE_PX, 3) and x.dtype == np.uint8
    if (
        not sound
        or y.shape != x.shape[:1]
        or not len(y)
        or y.dtype.kind not in "iu"
        or not 0 <= y.min() <= y.max() < 256
    ):
        shapes = f"images {x.shape} of {x.dtype} and labels {y.shape} of {y.dtype}"
        raise InputError(path, shapes, "give images (N, 32, 32, 3) uint8 and labels (N,)")
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y.astype(np.int64)


def _read_names(path: Path, classes: int) -> tuple[str, ...]:
    """One name a line; CIFAR-10's, or numbers, where there is no such file."""
    if path.is_file() and path.stat().st_size < 1 << 16:
        names = tuple(
            filter(None, map(str.strip, path.read_text("utf-8", errors="replace").splitlines()))
        )
        if len(names) >= classes:
            return names
    return _TEN if classes <= len(_TEN) else tuple(map(str, range(classes)))
