"""A session brings everything up at once, and leaves the process as it was."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import psutil
import pytest
from live import Caller, live

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.policy import Policy, check_policy
from orchestrator.local.session import FLOORS, UNPRACTISED, function_app, scale_policy, session, variables


def listening() -> set[int]:
    return {c.laddr.port for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where this process puts its temporary files meanwhile."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield tmp_path
    tempfile.tempdir = before


def traces(folder: Path) -> tuple[set[int], set[Path]]:
    """Ports and files."""
    return listening(), set(folder.iterdir())


def test_a_session_leaves_nothing_behind(folder: Path) -> None:
    """No port, no file, no variable, no thread that serves."""
    before = (listening(), dict(os.environ))
    with live() as local, Caller(local) as caller:
        caller.settled_down()
        assert listening() > before[0]
        assert local.plan_file.is_relative_to(folder)
    assert (listening(), dict(os.environ)) == before
    assert list(folder.iterdir()) == []
    assert "session" not in {thread.name for thread in threading.enumerate()}


def test_a_session_that_cannot_have_its_port_leaves_nothing_behind_either(folder: Path) -> None:
    """What was up already is taken down again."""
    before = dict(os.environ)

    async def twice() -> None:
        async with session(speed=60, timers=False) as first:
            port = int(first.host.url.rpartition(":")[2])
            around = traces(folder)
            with pytest.raises(OSError, match="in use"):
                async with session(speed=60, port=port, timers=False):
                    raise AssertionError("it was served")
            assert traces(folder) == around

    asyncio.run(twice())
    assert dict(os.environ) == before


def test_the_plan_on_disk_is_the_plan_that_is_served() -> None:
    """People may read the file, and commands take it."""
    with live(timers=False) as local:
        assert plan_from(local.plan_file.read_text(encoding="utf-8"), "plan") == local.plan


@pytest.mark.parametrize("speed", [0.1, 1.0, 60.0, 10_000.0])
def test_a_scaled_policy_contradicts_itself_at_no_speed(speed: float) -> None:
    """However fast: a sweep still takes its time, so no duration falls below its floor."""
    policy = check_policy(Policy(**scale_policy(speed)), "the scaled policy")
    assert policy.mode is Mode.AUTO
    assert all(getattr(policy, name) >= min(floor, getattr(Policy(), name)) for name, floor in FLOORS.items())


def test_at_speed_one_the_policy_is_the_default_but_for_its_mode() -> None:
    """Nothing is hidden from who wants to see the real waits."""
    assert Policy(**scale_policy(1.0)) == msgspec.structs.replace(
        Policy(), mode=Mode.AUTO, auto_without_drills=UNPRACTISED
    )


def test_a_higher_speed_never_makes_anything_slower() -> None:
    """Every duration shrinks or stays."""
    slow, fast = scale_policy(2.0), scale_policy(200.0)
    assert all(fast[name] <= slow[name] for name in FLOORS)
    assert fast["confirm_after"] == timedelta(seconds=2)


def test_variables_are_given_back_as_they_were() -> None:
    """Those that were there, and those that were not."""
    os.environ["HUBSWITCH_TEST_KEPT"] = "before"
    try:
        with variables({"HUBSWITCH_TEST_KEPT": "meanwhile", "HUBSWITCH_TEST_NEW": "meanwhile"}):
            assert os.environ["HUBSWITCH_TEST_KEPT"] == "meanwhile"
        assert os.environ["HUBSWITCH_TEST_KEPT"] == "before"
        assert "HUBSWITCH_TEST_NEW" not in os.environ
    finally:
        del os.environ["HUBSWITCH_TEST_KEPT"]


def test_every_load_of_the_app_is_a_fresh_one(tmp_path: Path) -> None:
    """It reads the environment as it is then; a load that fails says why."""
    with (
        variables({"HUBSWITCH_PLANS": str(tmp_path)}),
        pytest.raises(InvalidInput, match="expected a plan, or a folder"),
    ):
        function_app()
    sys.modules.pop("function_app", None)
