"""Hubs that know only some of what probes ask, or nothing of it, against the running app."""

from __future__ import annotations

import html
import itertools
from typing import Any

import pytest
from live import Caller, live
from waiting import until

from orchestrator.adapters.health.hub_questions import HUB_QUESTIONS
from orchestrator.cli.main import status_of
from orchestrator.core.base.vocabulary import Surface
from orchestrator.local.session import Local
from orchestrator.simulator.cloud import LocalAzure

PREFERRED = {Surface.HUB: "experiments:query$", Surface.JOBS: "rundata$"}
RECORDED = {Surface.HUB: "entities$", Surface.JOBS: "rundata$"}
"""Questions that no specification has: they are known from recorded traffic alone."""

SECOND = {surface: [q.name for q in HUB_QUESTIONS if q.surface is surface][1] for surface in PREFERRED}
SPECIFIED = {Surface.HUB: "POST experiments:query", Surface.JOBS: "POST runs:query"}


def forget_all(azure: LocalAzure) -> None:
    """The primary knows no question, and its scoring endpoint does not let us in: no work class is left."""
    region = azure.estate.regions[0]
    for surface in PREFERRED:
        azure.faults.set(region, surface.value, "unknown")
    azure.faults.set(region, "inference", "403")


def _evidence(caller: Caller, side: str = "primary") -> dict[str, Any]:
    return dict(caller.view()["evidence"][side])


@pytest.mark.parametrize(("unknown", "used"), [(PREFERRED, SECOND), (RECORDED, SPECIFIED)])
def test_a_hub_that_knows_some_questions_alone_is_watched_and_moved(
    unknown: dict[Surface, str], used: dict[Surface, str]
) -> None:
    """Status and a dry drill say which question is in use; an outage of the region switches the pair."""

    def forget(azure: LocalAzure) -> None:
        for surface, path in unknown.items():
            azure.faults.set(None, surface.value, "unknown", path=path)

    with live(begin=forget) as local, Caller(local) as caller:
        caller.settled_down()
        for side, (surface, name) in itertools.product(("primary", "secondary"), used.items()):
            asked = f"; asked: {name}"
            until(lambda: asked in (_evidence(caller, side)[surface]["why"] or ""), f"{surface} of the {side}{asked}")  # noqa: B023
        until(lambda: _evidence(caller)["jobs"]["observation"] == "ok", "the first good answer")

        def finds_them() -> bool:
            """Whether a drill says which were asked; on a busy machine a probe may have no answer in time."""
            drill = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", "by": "ana"}))
            findings = {each["check"]: each["why"] for each in drill["output"]["findings"]}
            return all(f"asked: {name}" in findings[f"secondary.{surface}"] for surface, name in used.items())

        until(finds_them, "a drill that says which questions were asked", longest=10, pause=1)
        local.azure.region_down(local.plan.primary.region)
        view = until(lambda: (v := caller.view())["active"] == "secondary" and v, "the switch")
        assert view["epoch"] == 1


def test_a_hub_that_knows_no_question_is_never_moved_by_itself_and_the_pair_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wherever people look, and when it is over."""
    with live(begin=forget_all) as local, Caller(local) as caller:
        caller.settled_down()
        # At the first looks of a busy machine it may be that nothing at all has spoken yet.
        only = "only dependency of the primary has ever spoken"
        view = until(
            lambda: only in ((v := caller.view())["out_of_reach"] or "") and v, "the pair's word that it is so"
        )
        assert "can never fail over by itself" in view["out_of_reach"]
        assert "can never fail over by itself" in caller.get("pairs/demo/explain").json()["text"]
        page = caller.get("status", headers={"Accept": "text/html"}).text
        assert "can never fail over by itself</span>" in page
        assert view["out_of_reach"] in html.unescape(page)
        told = "CANNOT FAIL OVER BY ITSELF"
        line = until(lambda: (one := _line(caller))["headline"].partition(";")[0] == told and one, "the headline")
        assert (line["can_fail_over"], line["needs_a_person"]) == (False, True)
        capsys.readouterr()
        shown = ["status", "--url", local.host.url, "--key", local.key]
        assert status_of(shown) == 0
        assert f"trouble: {view['out_of_reach']}" in capsys.readouterr().out
        ready = until(lambda: (r := caller.get("health/ready", key=None)).json()["out_of_reach"] and r, "readiness")
        assert (ready.status_code, ready.json()["out_of_reach"]) == (200, ["demo"])
        drill = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", "by": "ana"}))
        (reach,) = [each for each in drill["output"]["findings"] if each["check"] == "reach"]
        assert (reach["ok"], reach["why"]) == (
            False,
            "the primary: only dependency: this side can never be left by the rule",
        )
        told = "knows none of our questions"
        until(lambda: told in _evidence(caller)["hub"]["why"] and told in _evidence(caller)["jobs"]["why"], told)
        assert [_evidence(caller)[name]["observation"] for name in ("hub", "jobs")] == ["blind", "blind"]
        until(lambda: any(only in each["data"]["why"] for each in _told(local, "RuleOutOfReach")), "the notice")
        assert (view["phase"], view["epoch"]) == ("steady", 0)
        local.azure.faults.clear()
        until(lambda: caller.view()["out_of_reach"] is None, "its end")
        until(lambda: caller.get("health/ready", key=None).json()["out_of_reach"] == [], "readiness")
        assert "can never fail over by itself" not in caller.get("pairs/demo/explain").json()["text"]
        assert "can never fail over by itself" not in caller.get("status", headers={"Accept": "text/html"}).text
        until(lambda: _told(local, "RuleInReach"), "the notice of its end")


def _line(caller: Caller) -> dict[str, Any]:
    (line,) = caller.get("status").json()["pairs"]
    return dict(line)


def test_a_class_that_nobody_can_see_is_told() -> None:
    """``ClassBlind``, with what is wrong; the pair can still be moved by the others."""
    with live(begin=lambda azure: azure.faults.set(azure.estate.regions[0], "inference", "403")) as local:
        until(lambda: _tells_of_blind_inference(local), "the notice")
        with Caller(local) as caller:
            until(lambda: _evidence(caller)["hub"]["observation"] == "ok", "the first good answer of the hub")
            until(lambda: caller.view()["out_of_reach"] is None, "a pair that can be moved")


def _tells_of_blind_inference(local: Local) -> bool:
    """A busy machine may tell of other classes first, or of several in one notice, which begins with their names."""
    said = [notice["data"]["why"] for notice in _told(local, "ClassBlind")]
    return any(why.startswith("inference of the primary has never") or "primary.inference" in why for why in said)


def _told(local: Local, name: str) -> list[dict[str, Any]]:
    published = local.azure.call(lambda: list(local.azure.event_grid.published))
    return [notice for notice in published if notice["type"] == f"Hubswitch.{name}"]


def test_hubs_with_private_link_are_watched_and_moved_though_the_plan_names_no_address() -> None:
    """The regional host refuses their workspaces; the pointer names the host at which the standby answers."""
    with live(private_link=True) as local, Caller(local) as caller:
        assert local.plan.primary.api is None
        caller.settled_down()
        until(lambda: _evidence(caller)["jobs"]["observation"] == "ok", "the first good answer")
        until(lambda: _endpoint(local) == local.azure.urls[f"{local.plan.primary.region}.workspace-api"], "a pointer")
        local.azure.region_down(local.plan.primary.region)
        until(lambda: caller.view()["active"] == "secondary", "the switch")
        until(lambda: _endpoint(local) == local.azure.urls[f"{local.plan.secondary.region}.workspace-api"], "the other")


def _endpoint(local: Local) -> str:
    """What the pointer's store shows."""
    setting = local.azure.call(lambda: local.azure.configuration.get("hubswitch:demo:endpoint"))
    return setting.value if setting else ""
