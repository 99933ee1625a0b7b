"""Claims about damaged files: each is read or refused in one line, and the fuzzer sees what is
not.
"""

from __future__ import annotations

import json
import os

import pytest

pytest.importorskip("resource", reason="needs limits of a process")

from benchmarks.fuzz import Subject, draw_subjects, fuzz, run_cases, shrink, try_apart


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """The sound files of the fuzzer."""
    return draw_subjects(tmp_path_factory.mktemp("fuzz"))


def test_sound_files_are_read(subjects):
    """A reader that refused them would prove nothing."""
    for subject in subjects:
        if subject.path.name != "state.safetensors":
            subject.read(subject.path)


def test_damaged_files_are_read_or_refused(tmp_path):
    """A thousand files of all readers, the same ones every time."""
    tried, failures = fuzz(tmp_path / "kept", seed=1, files=1000, seconds=3600)
    assert (tried, failures) == (1000, {})


def test_a_traceback_is_found_and_shrunk(tmp_path):
    """A reader without care: what it raises is told, and one edit is enough to show it."""
    path = tmp_path / "a.json"
    path.write_text("[1]" + " " * 20)
    careless = Subject(path, lambda path: b"X" in path.read_bytes() and {}["X"])
    edits = [(5, 1, b"."), (8, 1, b"X"), (12, 0, b"")]
    fault = "a.json: KeyError in test_fuzz.py"
    (kept,) = shrink(careless, edits, try_apart(careless, edits))
    assert kept == (8, 1, b"X")
    assert try_apart(careless, edits).startswith(fault)


def test_the_death_of_a_process_is_found(tmp_path):
    """A crash ends the child, not the fuzzer."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([1]))
    done, fault = run_cases([Subject(path, lambda path: os._exit(9))], 0, range(3))
    assert done == 1
    assert "the process died (9)" in fault
