"""Places of a run at which it is disturbed, one test for each: listed in files, and compared with what a run crosses.

The list is a file because every process that collects tests must come to the same names. A run that is recorded must
cross what is listed; after a change of the steps of a run `make places` writes the files anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "crash" / "places"
WRITE = "HUBSWITCH_WRITE_PLACES"
"""A variable which, if it is set, makes ``compare`` write the list instead."""

ATTEMPTS = 5
"""Runs that are recorded until one crosses what is listed."""


def listed(name: str) -> list[str]:
    """The places in a file, in the order in which a run crosses them."""
    file = FOLDER / f"{name}.txt"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def each(name: str) -> pytest.MarkDecorator:
    """One test for every listed place, as the argument ``place``. ``-k`` finds one by its name with dashes."""
    found = listed(name)
    return pytest.mark.parametrize("place", found, ids=[re.sub(r"[^\w.]+", "-", place) for place in found])


def compare(name: str, record: Callable[[], Sequence[str]], is_certain: Callable[[str], bool]) -> int:
    """Check a list against recorded runs; how many places it has.

    Places that depend on who comes first are not compared. Azure that answers late makes a step come twice, so a run
    that differs is recorded again.
    """
    if os.environ.get(WRITE):
        found = record()
        (FOLDER / f"{name}.txt").write_text("".join(f"{place}\n" for place in found), encoding="utf-8")
        return len(found)
    expected = {place for place in listed(name) if is_certain(place)}
    for _ in range(ATTEMPTS):
        crossed = {place for place in record() if is_certain(place)}
        if crossed == expected:
            break
    assert (sorted(crossed - expected), sorted(expected - crossed)) == ([], []), f"{name}.txt is old: `make places`"
    return len(listed(name))
