"""Fixtures of the stores' tests: one host for all, and a kernel that grants everything to ``tester``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel


@pytest.fixture(scope="session")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("tls"))
    yield host
    host.close()


@pytest.fixture
def host(shared_host: Host) -> Iterator[Host]:
    yield shared_host
    shared_host.clear()


@pytest.fixture
def kernel() -> Kernel:
    kernel = Kernel(seed=7)
    kernel.grant("tester", "*")
    return kernel


@pytest.fixture
def credential(kernel: Kernel) -> Credential:
    return Credential(kernel)
