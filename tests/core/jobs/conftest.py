"""Builders of the usual case: two workspaces, a map between them, and small bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, map_from

OLD = {"subscription": "aaaa1111-0000-4000-8000-000000000001", "resource_group": "rg-north", "workspace": "ml-north"}
NEW = {"subscription": "bbbb2222-0000-4000-8000-000000000002", "resource_group": "rg-south", "workspace": "ml-south"}


@pytest.fixture
def old() -> Workspace:
    return Workspace(**OLD)


@pytest.fixture
def new() -> Workspace:
    return Workspace(**NEW)


@pytest.fixture
def make_map() -> Callable[..., JobMap]:
    def make(**tables: Any) -> JobMap:
        return map_from({"from": OLD, "to": NEW, **tables}, "map.json")

    return make


@pytest.fixture
def command() -> Callable[..., dict[str, Any]]:
    def make(**fields: Any) -> dict[str, Any]:
        return {"properties": {"jobType": "Command", "command": "python train.py", **fields}}

    return make


@pytest.fixture
def pipeline() -> Callable[..., dict[str, Any]]:
    def make(jobs: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {"properties": {"jobType": "Pipeline", "jobs": jobs, **fields}}

    return make
