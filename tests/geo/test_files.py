"""Claims about opening local files and putting finished ones in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.files import check_local_file


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/http://127.0.0.1:1/a.tif",
        "/vsizip/a.zip/a.tif",
        "http://127.0.0.1:1/a.tif",
        "s3://bucket/a.tif",
        "<VRTDataset rasterXSize='1'/>",
        "a\0b",
    ],
)
def test_names_that_are_no_local_paths_are_refused(name: str) -> None:
    """Virtual paths, URLs and inline XML never count as files, in one line."""
    with pytest.raises(InputError) as caught:
        check_local_file(name)
    assert "local file" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_empty_and_folder_are_told_apart(tmp_path: Path) -> None:
    """Each of the three has its own words."""
    (tmp_path / "empty.tif").touch()
    for name, words in (("none.tif", "no such file"), ("empty.tif", "empty"), (".", "folder")):
        with pytest.raises(InputError, match=words):
            check_local_file(tmp_path / name)


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """An error inside the context keeps what was there and removes the temporary file."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), write_atomically(target) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_write_replaces_and_keeps_the_suffix_of_the_temporary_name(tmp_path: Path) -> None:
    """GDAL sees the right suffix while writing; afterwards only the finished file is there."""
    target = tmp_path / "a.gpkg"
    target.write_text("old")
    with write_atomically(target) as temporary:
        assert temporary.suffix == ".gpkg"
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert target.read_text() == "old"
        reader = target.open()
    assert reader.read() == "old", "whoever reads the old file reads it to its end"
    reader.close()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_writing_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """The remedy is named instead of a traceback."""
    with pytest.raises(InputError, match="create it"), write_atomically(tmp_path / "no" / "a.tif"):
        pass
