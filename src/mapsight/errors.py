"""What goes wrong in a user's hands: each error names the value, the expectation and the remedy."""

from __future__ import annotations


class MapsightError(Exception):
    """A fault that the user can mend; printed as one line, never as a traceback."""

    def __init__(self, value: object, expectation: str, remedy: str) -> None:
        self.value, self.expectation, self.remedy = str(value), expectation, remedy
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        line = f"{self.value}: {self.expectation}; {self.remedy}"
        return " ".join(line.split())


class InputError(MapsightError):
    """A file or an argument that cannot be used."""


class OverlapError(MapsightError):
    """An image and a map that do not lie at the same place."""


class ModelError(MapsightError):
    """A model file that is not one of ours, or does not fit."""
