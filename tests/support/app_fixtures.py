"""One session per file: the function app on the local host, with a local Azure and an engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live import Caller, live

from orchestrator.local.session import Local, variables
from orchestrator.simulator.job_lifecycle import Pace


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with variables({"HUBSWITCH_SIGNED_IN_HEADER": "true"}), live(pace=Pace(running=(10.0, 20.0))) as running:
        yield running


@pytest.fixture
def caller(local: Local) -> Iterator[Caller]:
    """Call the app, after the pair's first look."""
    with Caller(local) as made:
        made.settled_down()
        yield made
