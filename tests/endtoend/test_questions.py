"""Hubs that know only some of what probes ask, or nothing of it, against the running app."""

from __future__ import annotations

import html
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
        until(lambda: _evidence(caller)["jobs"]["observation"] == "ok", "the first good answer")
        said = _evidence(caller)
        for surface, name in used.items():
            assert f"; asked: {name}" in said[surface]["why"]
        drill = caller.followed(caller.post("pairs/demo/drill", {"reason": "practice", "by": "ana"}))
        findings = {each["check"]: each["why"] for each in drill["output"]["findings"]}
        for surface, name in used.items():
            assert f"asked: {name}" in findings[f"secondary.{surface}"]
        local.azure.region_down(local.plan.primary.region)
        view = until(lambda: (v := caller.view())["active"] == "secondary" and v, "the switch")
        assert view["epoch"] == 1


def test_a_hub_that_knows_no_question_is_never_moved_by_itself_and_the_pair_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wherever people look, and when it is over."""
    with live(begin=forget_all) as local, Caller(local) as caller:
        caller.settled_down()
        view = until(lambda: (v := caller.view())["out_of_reach"] and v, "the pair's word that it cannot be moved")
        assert "can never fail over by itself" in view["out_of_reach"]
        assert "can never fail over by itself" in caller.get("pairs/demo/explain").json()["text"]
        page = caller.get("status", headers={"Accept": "text/html"}).text
        assert "can never fail over by itself</span>" in page
        assert view["out_of_reach"] in html.unescape(page)
        (line,) = caller.get("status").json()["pairs"]
        assert (line["headline"].partition(";")[0], line["can_fail_over"], line["needs_a_person"]) == (
            "CANNOT FAIL OVER BY ITSELF",
            False,
            True,
        )
        capsys.readouterr()
        assert status_of(["status", "--url", local.host.url, "--key", local.key]) == 0
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
        notices = until(lambda: _told(local, "RuleOutOfReach"), "the notice")
        assert "only dependency of the primary has ever spoken" in notices[0]["data"]["why"]
        assert (view["phase"], view["epoch"]) == ("steady", 0)
        local.azure.faults.clear()
        until(lambda: caller.view()["out_of_reach"] is None, "its end")
        until(lambda: caller.get("health/ready", key=None).json()["out_of_reach"] == [], "readiness")
        assert "can never fail over by itself" not in caller.get("pairs/demo/explain").json()["text"]
        assert "can never fail over by itself" not in caller.get("status", headers={"Accept": "text/html"}).text
        until(lambda: _told(local, "RuleInReach"), "the notice of its end")


def test_a_class_that_nobody_can_see_is_told() -> None:
    """``ClassBlind``, with what is wrong; the pair can still be moved by the others."""
    with live(begin=lambda azure: azure.faults.set(azure.estate.regions[0], "inference", "403")) as local:
        (notice, *_) = until(lambda: _told(local, "ClassBlind"), "the notice")
        assert "inference of the primary has never been seen" in notice["data"]["why"]
        assert not _told(local, "RuleOutOfReach")


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
