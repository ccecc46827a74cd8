"""One local Azure and one nursery per file: visits use pairs of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import crash_harness
import pytest


@pytest.fixture(scope="module")
def dead_primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[crash_harness.Bench]:
    """A bench whose primary region is gone."""
    with crash_harness.bench(_folder(tmp_path_factory), primary_down=True) as bench:
        yield bench


@pytest.fixture(scope="module")
def both_well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[crash_harness.Bench]:
    """A bench with both regions in place, so that a pair can go there and back."""
    with crash_harness.bench(_folder(tmp_path_factory), primary_down=False) as bench:
        yield bench


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("plans")
