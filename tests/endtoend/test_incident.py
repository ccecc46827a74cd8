"""What Service Health says after an outage stands beside the run that answered it, where people look."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import requests
from bodies import service_health
from waiting import until

from orchestrator.cli.app_calls import App
from orchestrator.cli.commands_evidence import evidence_command
from orchestrator.cli.commands_pairs import run_command
from orchestrator.local.session import Local

RUN = "failover-demo-e1"
NEVER = 1e9


def _ask(local: Local, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"x-functions-key": local.key, **options.pop("headers", {})}
    return requests.request(method, f"{local.host.url}/api/{path}", headers=headers, timeout=120, **options)


def _message(local: Local, decided: datetime, minutes: float, **said: Any) -> dict[str, Any]:
    body = service_health(
        **{"region": local.plan.primary.region, "impactStartTime": (decided - timedelta(minutes=9)).isoformat()} | said
    )
    body["data"]["alertContext"]["eventTimestamp"] = (decided + timedelta(minutes=minutes)).isoformat()
    return body


def test_a_notice_after_the_outage_is_attached_to_its_run(sessions: Any) -> None:
    """In the run, its evidence and its page, by HTTP and on the command line; the same message once."""
    with sessions() as local:
        local.azure.health.notice_delay = NEVER  # so that no poll finds anything
        local.azure.region_down(local.plan.primary.region)
        until(lambda: _ask(local, "GET", f"runs/{RUN}").json().get("status") == "completed", "the end of the run")
        before = _ask(local, "GET", f"runs/{RUN}").json()
        decided = datetime.fromisoformat(before["output"]["milestones"]["decided_at"])
        message = _message(local, decided, 41)
        elsewhere = _message(local, decided, 41, region="Japan East", trackingId="ZZZZ-999")
        review = _message(local, decided, 9000, stage="RCA", communicationId="2", communication="<p>A fibre</p>")
        for body in (elsewhere, message, message, review):
            assert _ask(local, "POST", "alerts", json=body).status_code == 200

        def attached() -> Any:
            found = _ask(local, "GET", f"runs/{RUN}").json()["incident"]
            return found if found and len(found["notices"]) == 2 else None

        incident = until(attached, "both messages")
        until(lambda: "A fibre" in _ask(local, "GET", f"runs/{RUN}/evidence").text, "the evidence with both")
        kept = _ask(local, "GET", f"runs/{RUN}/evidence").json()
        shown = _ask(local, "GET", f"runs/{RUN}/evidence", headers={"Accept": "text/html"}).text
        app, out, err = App(local.host.url, local.key), io.StringIO(), io.StringIO()
        assert run_command(app, RUN, follow=False, as_json=False, out=out, err=err) == 0
        assert evidence_command(app, RUN, None, as_json=False, out=out, err=err) == 0
    assert before["incident"] is None
    assert incident["decided_before_notice_s"] == 41 * 60
    assert [(each["tracking"], each["step"]) for each in incident["notices"]] == [
        ("ABCD-123", "active"),
        ("ABCD-123", "review"),
    ]
    assert kept["incident"] == incident
    assert "41 min before Azure's first notice" in incident["why"]
    assert "What Azure said" in shown
    assert "A fibre" in shown
    assert out.getvalue().count("41 min before Azure") == 2
    assert "ZZZZ-999" not in out.getvalue() + shown


def test_an_incident_that_only_polls_have_found_is_attached_to_its_run(sessions: Any) -> None:
    """Outage, failover, Service Health's first message, its last one when the region is back: all in the evidence.

    No action group delivers anything.
    """
    with sessions() as local:
        region, health = local.plan.primary.region, local.azure.health
        health.notice_delay, fallen = NEVER, local.azure.kernel.now()
        local.azure.region_down(region)
        until(lambda: _ask(local, "GET", f"runs/{RUN}").json().get("status") == "completed", "the end of the run")
        before = _ask(local, "GET", f"runs/{RUN}").json()
        late = local.azure.kernel.now() - fallen + timedelta(seconds=1)
        health.notice_delay = late.total_seconds() * local.azure.kernel.speed

        def steps() -> list[str]:
            found = _ask(local, "GET", f"runs/{RUN}").json()["incident"]
            return [each["step"] for each in found["notices"]] if found else []

        until(lambda: steps()[:1] == ["active"], "what Service Health says of it")
        local.azure.region_up(region)
        until(lambda: steps()[-1:] == ["resolved"], "that it is over")
        incident = until(lambda: _same_in_evidence(local), "the evidence with all of it")
        told = local.azure.call(health.events)
        shown = _ask(local, "GET", f"runs/{RUN}/evidence", headers={"Accept": "text/html"}).text
    assert before["incident"] is None
    assert incident["tracking"] == [told[0]["name"]]
    updates = told[0]["properties"]["impact"][0]["impactedRegions"][0]["updates"]
    assert incident["first_notice_at"][:23] == updates[-1]["updateDateTime"][:23]
    assert [each["polled"] for each in incident["notices"]] == [True] * len(incident["notices"])
    decided = datetime.fromisoformat(before["output"]["milestones"]["decided_at"])
    lead = (datetime.fromisoformat(incident["first_notice_at"]) - decided).total_seconds()
    assert incident["decided_before_notice_s"] == lead > 0
    assert "before Azure's first notice" in incident["why"]
    assert "What Azure said" in shown


def _same_in_evidence(local: Local) -> dict[str, Any] | None:
    """What is attached to the run, once its evidence says the same."""
    attached = _ask(local, "GET", f"runs/{RUN}").json()["incident"]
    kept = _ask(local, "GET", f"runs/{RUN}/evidence").json().get("incident")
    return dict(attached) if attached and attached == kept else None
