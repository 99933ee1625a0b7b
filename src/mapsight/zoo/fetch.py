"""Real data sets, fetched only when asked for, and trusted only when their checksum is right."""

from __future__ import annotations

import logging
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapsight.errors import InputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remote:
    """A file of a data set: where it is, its checksum ('md5:…' or 'sha256:…'), its name here."""

    url: str
    checksum: str
    name: str
    unpack: bool = False  # a tar archive


def fetch_files(files: tuple[Remote, ...], folder: Path) -> None:
    """Fetches what is not there yet; raises InputError without a network, or where a checksum is
    wrong.
    """
    try:
        import pooch
    except ImportError:
        raise InputError(
            "--download", "needs the package pooch", "pip install 'mapsight[zoo]'"
        ) from None
    pooch.get_logger().setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        _log.info(f"fetch {file.url}")
        try:
            path = pooch.retrieve(file.url, known_hash=file.checksum, fname=file.name, path=folder)
        except ValueError:
            raise InputError(
                file.url,
                "does not have the checksum it should have",
                "try again, or fetch it by hand",
            ) from None
        except OSError as error:  # what requests raises is an OSError, too
            raise InputError(
                file.url, f"cannot be fetched ({type(error).__name__})", "check the network"
            ) from None
        if file.unpack:
            _unpack(Path(path), folder)


def find_folder(data_dir: Path, name: str, remedy: str) -> Path:
    """`data_dir/name`, or `data_dir` itself where it is called so; raises InputError with a remedy
    where neither is.
    """
    if (data_dir / name).is_dir():
        return data_dir / name
    if data_dir.is_dir() and data_dir.resolve().name == name:
        return data_dir
    raise InputError(data_dir / name, "there is no such folder of data", remedy)


def _unpack(path: Path, folder: Path) -> None:
    """Extracts plain files and folders below `folder`; anything else, or anywhere else, is
    refused.
    """
    home = folder.resolve()
    try:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
            for member in members:
                inside = (home / member.name).resolve().is_relative_to(home)
                if not inside or not (member.isfile() or member.isdir()):
                    raise tarfile.TarError(f"'{member.name}' is no file below the folder")
            # Python before 3.11.4 has no filter: the check above has to do there
            safe: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(folder, members, **safe)
    except (tarfile.TarError, EOFError) as error:
        raise InputError(
            path, f"cannot be unpacked ({error})", "delete it and fetch it again"
        ) from None
