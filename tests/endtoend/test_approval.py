"""Mode approve against the running app: the notice names a proposal, and only an answer to that one counts."""

from __future__ import annotations

import re

from live import Caller, live
from waiting import until

from orchestrator.core.base.vocabulary import Mode


def test_a_proposal_is_rejected_made_anew_and_approved_by_its_id() -> None:
    """A late answer, with the old id or with none, is 409 and changes nothing; evidence has the one that counts."""
    with live(speed=150.0, mode=Mode.APPROVE) as local, Caller(local) as caller:
        caller.settled_down()

        def waiting() -> str | None:
            (line,) = caller.get("status").json()["pairs"]
            return line["proposal"] if line["phase"] == "awaiting_approval" else None

        def told() -> list[str]:
            notices = local.azure.call(lambda: list(local.azure.event_grid.published))
            return [one["data"]["why"] for one in notices if one["type"] == "Hubswitch.ApprovalRequested"]

        local.azure.region_down(local.plan.primary.region)

        def answer(do: str, reason: str) -> str | None:
            """The proposal that was answered; None if it expired before the answer came, and has to be found anew."""
            proposal = until(waiting, "a proposal")
            until(lambda: any(re.search(rf"\b{proposal}\b", why) for why in told()), "its notice")
            answered = caller.post(f"pairs/demo/{do}", {"reason": reason, "proposal": proposal})
            assert answered.status_code in {202, 409}, answered.text
            assert answered.status_code == 202 or waiting() != proposal, answered.text
            return proposal if answered.status_code == 202 else None

        def refuses_the_late(first: str) -> bool:
            """Whether a late answer is refused with the proposal that waits; False if that expired meanwhile."""
            waits = until(lambda: (found := waiting()) != first and found, "the second proposal")
            for late in ({"proposal": first}, {}):
                refused = caller.post("pairs/demo/approve", {"reason": "too late", **late})
                assert refused.status_code == 409
                if waits not in refused.json()["detail"]:
                    assert waiting() != waits, refused.text
                    return False
            return True

        first = until(lambda: answer("reject", "not yet"), "a rejection in time")
        until(lambda: refuses_the_late(first), "the refusal of late answers")
        until(lambda: answer("approve", "the region is down"), "an approval in time")
        until(lambda: caller.view()["active"] == "secondary", "the switch")
        until(lambda: caller.get("runs/failover-demo-e1").json()["status"] == "completed", "the end of the run")
        evidence = caller.get("runs/failover-demo-e1/evidence").json()
    (consent,) = evidence["approvals"]
    assert (consent["who"], consent["reason"]) == ("unnamed", "the region is down")
    decide = next(phase for phase in evidence["phases"] if phase["name"] == "decide")
    assert decide["from"] < consent["at"] <= decide["to"]
