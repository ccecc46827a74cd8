"""A command imports what it needs and nothing else: people wait for each start. How fast that is, `make bench` says."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "azure",
    "cryptography",
    "durabletask",
    "grpc",
    "jinja2",
    "msal",
    "opentelemetry",
    "tenacity",
    "yaml",
}
"""Packages that neither the help nor a question to an app needs."""


@pytest.mark.parametrize(
    ("arguments", "ours"),
    [
        (["--help"], {"cli", "core"}),
        (["--version"], {"cli", "core"}),
        (["status", "--url", "http://127.0.0.1:9"], {"cli", "core"}),
        (["explain", "demo", "--url", "http://127.0.0.1:9"], {"cli", "core"}),
    ],
)
def test_a_command_imports_no_sdk_and_no_engine(arguments: list[str], ours: set[str]) -> None:
    """In an interpreter of its own, for this one has imported everything."""
    code = (
        "import sys; from orchestrator.cli.main import status_of; "
        f"status_of({arguments!r}); print('imported', *sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules = said.rpartition("imported ")[2].split()
    assert "orchestrator.cli.main" in modules
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    assert {name.split(".")[1] for name in modules if name.startswith("orchestrator.")} <= ours
