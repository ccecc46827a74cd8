"""Two apps on one simulated Azure, each with an engine of its own: one leads, and the other acts when it is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from deployed_app import SPEED, App, deployed
from waiting import until

from orchestrator.core.base.vocabulary import Phase
from orchestrator.local.engine import LocalEngine
from orchestrator.local.session import scale_policy, variables
from orchestrator.local.simulated_plan import plan_of, plan_yaml
from orchestrator.simulator.cloud import LocalAzure

SPAN = {"HUBSWITCH_TAKE_OVER_AFTER": "20s", "HUBSWITCH_WATCH_SLOT": "6s"}
"""Long enough for a busy machine: a leader that is merely slow keeps its lead."""


@contextmanager
def stamp(azure: LocalAzure, plan: Path, name: str) -> Iterator[App]:
    with variables({"HUBSWITCH_STAMP": name}), LocalEngine() as engine, deployed(azure, engine, plan) as app:
        until(lambda: app.view().get("leadership"), f"the first look of {name}")
        yield app


def leader_of(apps: Mapping[str, App]) -> str | None:
    """The stamp that both say leads; None while they do not agree."""
    told = {name: app.view()["leadership"] for name, app in apps.items()}
    leading = [name for name, found in told.items() if found["is_ours"]]
    return leading[0] if len(leading) == 1 and {found["stamp"] for found in told.values()} == set(leading) else None


def test_the_follower_fails_over_when_the_leader_is_gone(tmp_path: Path) -> None:
    """It has watched all the time, has said who leads, and does what the leader would have done."""
    with LocalAzure(seed=8, speed=SPEED, canaries=False) as azure, variables({**azure.environment(), **SPAN}):
        policy = scale_policy(SPEED)
        file = tmp_path / "demo.yaml"
        file.write_text(plan_yaml(azure, **policy), encoding="utf-8")
        with ExitStack() as north, ExitStack() as south:
            stacks = {"north": north, "south": south}
            apps = {name: stack.enter_context(stamp(azure, file, name)) for name, stack in stacks.items()}
            leader = until(lambda: leader_of(apps), "one leader")
            other = "south" if leader == "north" else "north"
            seen = until(lambda: _steady(apps[other]), "a look of the follower")
            assert f"the stamp {leader} leads, this one follows" in seen["headline"]
            assert [hold["rule"] for hold in seen["holds"]] == ["hold.follower"]
            assert seen["can_fail_over"]
            stacks[leader].close()
            azure.region_down(plan_of(azure, **policy).primary.region)
            after = until(lambda: _switched(apps[other]), "the switch by the other stamp")
            assert (after["epoch"], after["leadership"]["stamp"]) == (1, other)
            runs = apps[other].get("runs").json()["runs"]
    assert [run["id"] for run in runs if run["kind"] == "failover"] == ["failover-demo-e1"]


def test_a_full_drill_of_the_leader_is_known_for_a_drill_by_the_follower(tmp_path: Path) -> None:
    """It learns of the switches by the epoch record. No cooldown is left with it that would keep a real failover."""
    with LocalAzure(seed=8, speed=SPEED, canaries=False) as azure, variables({**azure.environment(), **SPAN}):
        policy = scale_policy(SPEED) | {"failback_hold": timedelta(seconds=2)}
        file = tmp_path / "demo.yaml"
        file.write_text(plan_yaml(azure, **policy), encoding="utf-8")
        with stamp(azure, file, "north") as north, stamp(azure, file, "south") as south:
            apps = {"north": north, "south": south}
            leader = until(lambda: leader_of(apps), "one leader")
            other = apps["south" if leader == "north" else "north"]
            until(lambda: _steady(other), "a look of the follower")
            asked = until(
                lambda: (said := apps[leader].send("drill", kind="full")).status_code == 202 and said.json(),
                "a drill that is taken",
            )
            run = f"runs/{asked['run']}"
            ended = until(lambda: (found := apps[leader].get(run).json())["status"] == "completed" and found, "its end")
            view = until(lambda: (found := other.view())["epoch"] == 2 and found, "the follower's look at it")
    told = [entry["why"] for entry in view["journal"] if entry["rule"] == "superseded"]
    assert ended["output"]["outcome"] == "succeeded"
    assert (view["phase"], view["active"], view["cooldown_until"]) == ("steady", "primary", None)
    assert f"full drill {asked['run'].removeprefix('drill-demo-')} has switched to the primary" in " ".join(told)


def _steady(app: App) -> dict[str, Any] | None:
    view = app.view()
    return view if view["phase"] == Phase.STEADY and view["holds"] else None


def _switched(app: App) -> dict[str, Any] | None:
    view = app.view()
    return view if view["active"] == "secondary" else None
