"""``docs/http.md`` tells of every route that the app has, and of no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.vocabulary import Role
from orchestrator.local.functions import Function, index_app
from orchestrator.triggers.registration import ACTIVITIES, build
from orchestrator.triggers.routes import route_named

ROW = re.compile(r"^\| (?P<method>[A-Z]+) \| `(?P<path>/[^`]*)` \| (?P<who>\w+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def functions(root: Path) -> list[Function]:
    """The functions of an app for one of the sample plans."""
    return index_app(build(Deployment({"HUBSWITCH_PLANS": "plans/hot-warm.yaml"}, root)))


@pytest.fixture(scope="module")
def served(functions: list[Function]) -> dict[tuple[str, str], str]:
    """Method and path of every HTTP function -> who may call: the role that a login needs; a key may do it as well."""
    found = {}
    for function in functions:
        if function.trigger != "httpTrigger":
            continue
        level = _text(function.settings.get("authLevel", "function"))
        for method in function.settings["methods"]:
            path = f"/{function.settings['route'].strip('/')}"
            role = route_named(function.name).role
            found[_text(method).upper(), path] = "anybody" if level == "anonymous" else str(role or "key")
    return found


def _text(value: Any) -> str:
    return str(getattr(value, "value", value)).casefold()


def test_the_table_of_routes_is_that_of_the_app(served: dict[tuple[str, str], str], pages: dict[str, Any]) -> None:
    """Method, path, and who may call."""
    told = {(row["method"], row["path"]): row["who"] for row in ROW.finditer(pages["docs/http.md"].text)}
    assert told == served


def test_every_path_in_an_example_is_a_route(served: dict[tuple[str, str], str], pages: dict[str, Any]) -> None:
    """Examples of other pages too."""
    shapes = [re.sub(r"\{\w+\}", "[^/?#\"' ]+", path) for _, path in served if path != "/"]
    named = {
        path.rstrip(".,")
        for page in pages.values()
        for path in re.findall(r"(/api/[a-z][^\s`\"'?)|]*)", page.text)
        if not path.startswith(("/api/functions", "/api/events\n"))
    }
    assert len(named) > 10
    assert sorted(path for path in named if not any(re.fullmatch(shape, path) for shape in shapes)) == []


def test_every_activity_is_told_of_in_the_design(pages: dict[str, Any]) -> None:
    """A step that nobody wrote about is a step that nobody expects."""
    assert set(ACTIVITIES) - set(pages["docs/design.md"].code) == set()


def test_the_sample_plan_has_both_roles(root: Path) -> None:
    """The app of these tests is one with something to watch."""
    plan = Deployment({"HUBSWITCH_PLANS": "plans/hot-warm.yaml"}, root).plans["vision"]
    assert {plan.side(role).region for role in Role} == {"eastus2", "westus3"}
