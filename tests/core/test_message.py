"""What a notice says is complete: what, why, since when, what happens next, what you can do, and where to look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.core.base.message import compose
from orchestrator.core.base.notice_table import NOTICE_TABLE, ROWS, Matter, NoticeSeverity
from orchestrator.core.base.vocabulary import NoticeName

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", NoticeName)
def test_every_notice_says_everything(name: NoticeName) -> None:
    """None of the five is left out of any of them."""
    message = compose(name, "demo", "a test", AT)
    assert message.title == f"demo: {NOTICE_TABLE[name].what}"
    told = dict(message.lines())
    assert list(told) == ["Why", "Since", "What happens next", "What you can do"]
    assert all(text.strip() for text in (message.what, *told.values()))
    assert told["Since"] == "2026-03-01 12:00:00Z"


def test_every_notice_has_one_row() -> None:
    """Also the next one that somebody adds."""
    assert sorted(row.name for row in ROWS) == sorted(NoticeName)


def test_a_link_leads_to_the_pair_on_the_page_if_it_is_known_where_that_is() -> None:
    """And there is none otherwise."""
    link = compose(NoticeName.SUSPECT, "demo", "w", AT, "https://app.example.com/").link
    assert link == "https://app.example.com/#pair-demo"
    assert compose(NoticeName.SUSPECT, "demo", "w", AT).link == ""


def test_what_is_over_was_begun_by_another_notice() -> None:
    """A matter that is closed and never opened would be a slip of the pen."""
    opened = {row.matter for row in ROWS if row.severity is not NoticeSeverity.INFO}
    assert {matter for row in ROWS for matter in row.closes} <= opened | {Matter.RETURN}


def test_what_is_bad_does_not_close_its_own_matter() -> None:
    """An alert would be opened and resolved at once."""
    assert [row.name for row in ROWS if row.severity is not NoticeSeverity.INFO and row.matter in row.closes] == []


def test_whatever_tells_of_a_switch_is_no_quiet_matter() -> None:
    """Began, done, failed, taken over by somebody else."""
    switches = {row.name for row in ROWS if row.is_switch}
    assert switches == {
        name
        for name in NoticeName
        if name.value.startswith(("Failover", "Failback", "Superseded", "RunFailed", "Settled"))
        and name not in {NoticeName.FAILOVER_JOBS_GIVEN_UP, NoticeName.FAILBACK_JOBS_GIVEN_UP}
    }
