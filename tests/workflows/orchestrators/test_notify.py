"""Telling people: a channel that fails is told again, and only that one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durabletask.task import ActivityContext
from orchestrations import played

from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.workflows import names
from orchestrator.workflows.messages import Tidings, Told
from orchestrator.workflows.orchestrators import notify

TIDINGS = Tidings(pair="p", id="n", name=NoticeName.SETTLED, at=datetime(2026, 3, 1, tzinfo=UTC), why="a test")


def told(answer: Callable[[int], Any]) -> tuple[Any, list[list[str]]]:
    """What the run ends with, and which channels each try was for. ``answer`` is given the number of the try."""
    tries: list[list[str]] = []

    def act(_: ActivityContext, order: Any) -> Any:
        tries.append(order.get("channels", []))
        return to_builtins(answer(len(tries)))

    with played(notify.tell_run, names.TELL, act) as run:
        return run(TIDINGS), tries


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "PAUSE", timedelta(milliseconds=10))


def test_only_the_channel_that_failed_is_told_again() -> None:
    """Nobody gets a notice twice because somebody else has not got it."""
    failed = {1: ("b", "c"), 2: ("c",)}
    output, tries = told(lambda number: Told(failed=failed.get(number, ()), why="busy"))
    assert output == "told"
    assert tries == [[], ["b", "c"], ["c"]]


def test_a_channel_that_fails_for_ever_is_given_up() -> None:
    """What was to be told is in the status all the same."""
    output, tries = told(lambda _: Told(failed=("b",), why="webhook b refused us"))
    assert output == "nobody was told: webhook b refused us"
    assert len(tries) == notify.TRIES


def test_an_activity_that_breaks_is_asked_again_for_the_same_channels() -> None:
    """It is not known which of them have the notice; receivers know it by its id."""

    def answer(number: int) -> Any:
        if number == 1:
            raise TemporaryError("the worker went away")
        return Told()

    assert told(answer) == ("told", [[], []])


def test_an_activity_of_an_older_version_has_told_everybody() -> None:
    """It answers nothing, and raises if it has not."""
    assert told(lambda _: None) == ("told", [[]])
