"""What each status says, of a service, a scoring endpoint and a reference."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.adapters.health.answer_meanings import MEANINGS, Asked, read_status
from orchestrator.core.base.vocabulary import Observation

OK, DEGRADED, BAD, BLIND = Observation.OK, Observation.DEGRADED, Observation.BAD, Observation.BLIND

EXPECTED = {
    Asked.SERVICE: {
        OK: (200, 201, 204),
        BLIND: (301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 424, 429, 501, 530, 100, 600, 999),
        BAD: (408, 500, 502, 503, 504, 529, 599),
    },
    Asked.SCORING: {
        OK: (200,),
        DEGRADED: (408,),
        BLIND: (302, 400, 401, 403, 404, 405, 429, 530),
        BAD: (424, 500, 501, 502, 503, 504),
    },
    Asked.REFERENCE: {
        OK: (200, 400, 401, 403, 404, 405, 429),
        BLIND: (301, 308, 530, 600),
        BAD: (500, 501, 503, 504),
    },
}
CASES = [
    (asked, status, seen) for asked, rows in EXPECTED.items() for seen, statuses in rows.items() for status in statuses
]


@pytest.mark.parametrize(("asked", "status", "seen"), CASES)
def test_a_status_means_what_its_row_says(asked: Asked, status: int, seen: Observation) -> None:
    """And the sentence names the status, so that a person can look it up."""
    verdict = read_status("hub", status, timedelta(seconds=0.02), asked)
    assert verdict.observation is seen
    assert verdict.why.startswith("hub ")
    assert str(status) in verdict.why


def test_every_row_has_a_source() -> None:
    """A meaning without one is an opinion."""
    rows = [row for rows in MEANINGS.values() for row in rows]
    assert [row for row in rows if len(row.source) < 8] == []


def test_the_gateways_answer_is_told_as_the_gateways() -> None:
    """530 comes from the gateway, not from the hub, and is evidence of nothing."""
    assert read_status("hub", 530, timedelta()).why == "hub is unknown to the regional gateway (530)"
