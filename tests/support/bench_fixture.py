"""Bodies of activities against the local Azure: real adapters, no engine."""

from __future__ import annotations

from collections.abc import Iterator

import crash_harness
import pytest


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[crash_harness.Bench]:
    """Both regions well; every test uses a pair of its own."""
    with crash_harness.bench(tmp_path_factory.mktemp("plans"), primary_down=False) as made:
        yield made
