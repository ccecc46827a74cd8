"""Mode approve against the running app: the notice names a proposal, and only an answer to that one counts."""

from __future__ import annotations

import re

from live import Caller, live
from waiting import until

from orchestrator.core.base.vocabulary import Mode


def test_a_proposal_is_rejected_made_anew_and_approved_by_its_id() -> None:
    """A late answer, with the old id or with none, is 409 and changes nothing."""
    with live(speed=150.0, mode=Mode.APPROVE) as local, Caller(local) as caller:
        caller.settled_down()

        def waiting() -> str | None:
            (line,) = caller.get("status").json()["pairs"]
            return line["proposal"] if line["phase"] == "awaiting_approval" else None

        def told() -> list[str]:
            notices = local.azure.call(lambda: list(local.azure.event_grid.published))
            return [one["data"]["why"] for one in notices if one["type"] == "Hubswitch.ApprovalRequested"]

        local.azure.region_down(local.plan.primary.region)
        first = until(waiting, "the first proposal")
        until(lambda: any(re.search(rf"\b{first}\b", why) for why in told()), "its notice")
        assert caller.post("pairs/demo/reject", {"reason": "not yet", "proposal": first}).status_code == 202
        second = until(lambda: (found := waiting()) != first and found, "the second proposal")
        for late in ({"proposal": first}, {}):
            refused = caller.post("pairs/demo/approve", {"reason": "the region is down", **late})
            assert refused.status_code == 409
            assert second in refused.json()["detail"]
        accepted = caller.post("pairs/demo/approve", {"reason": "the region is down", "proposal": second})
        assert accepted.status_code == 202
        until(lambda: caller.view()["active"] == "secondary", "the switch")
