"""A notice for an action group is the line that the alert rule of the template reads, and nothing else."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from orchestrator.adapters.assembly import assemble
from orchestrator.adapters.notify.action_group import LONGEST, MAIL_LINE, ActionGroupNotices
from orchestrator.clock import SystemClock
from orchestrator.core.base.message import compose
from orchestrator.core.base.notice_table import NOTICE_TABLE, NoticeSeverity
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.channels import ActionGroupChannel
from orchestrator.core.plan.load import plan_from
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import Notice, Notices
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows.activities.notify import publish_notice
from orchestrator.workflows.messages import Tidings

QUERY = (Path(__file__).parents[3] / "infra" / "queries" / "mail.kql").read_text(encoding="utf-8")
AT = datetime(2026, 3, 1, 7, tzinfo=UTC)


def told(name: NoticeName, why: str, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The line of a notice."""
    port: Notices[ActionGroupChannel] = ActionGroupNotices()
    message = compose(name, "payroll", why, AT, "https://app.example")
    notice = Notice("n", f"Hubswitch.{name}", "payroll", AT, message)
    with caplog.at_level(logging.INFO, logger="hubswitch.mail"):
        port.publish(ActionGroupChannel(), [notice])
    (line,) = [record for record in caplog.records if record.msg == MAIL_LINE]
    return line


@pytest.mark.parametrize("name", [NoticeName.FAILOVER_STARTED, NoticeName.SIGHT_LOST, NoticeName.SETTLED])
def test_the_rule_reads_the_line_as_it_is_written(name: NoticeName, caplog: pytest.LogCaptureFixture) -> None:
    """Also where the reason looks like the line itself."""
    line = told(name, "mail x of y (critical): hub\nis bad", caplog)
    pattern = re.search(r"parse Message with (.*)", QUERY)
    assert pattern is not None
    parts = re.findall(r'"([^"]*)" (\w+)', pattern[1])
    found = re.fullmatch("".join(f"{re.escape(text)}(?P<{column}>.*?)" for text, column in parts), line.getMessage())
    assert found is not None
    row = NOTICE_TABLE[name]
    assert (found["notice"], found["pair"], found["severity"]) == (name.value, "payroll", row.severity.value)
    assert "Why: mail x of y (critical): hub is bad" in found["words"]
    for text in (row.what, row.next, row.do, "Since: 2026-03-01 07:00:00Z", "https://app.example/#pair-payroll"):
        assert text in found["words"]
    assert line.levelno == (logging.INFO if row.severity is NoticeSeverity.INFO else logging.WARNING)


def test_a_long_reason_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A dimension is no place for pages."""
    assert len(told(NoticeName.SETTLED, "x" * 5000, caplog).getMessage()) < LONGEST + 100


def test_a_plan_names_it_once_and_with_what_every_channel_has() -> None:
    """There is one such rule in a deployment."""
    text = """\
schema: 1
pair: a
primary: {region: eastus2, subscription: s, resource_group: rg, hub: h, project: p}
secondary: {region: westus3, subscription: s, resource_group: rg2, hub: h2, project: p2}
pointer: {endpoint: "https://pointer.azconfig.io"}
ledger: {account: "https://ledger.blob.core.windows.net"}
notify:
  - {kind: action_group, only: [critical]}
"""
    (channel,) = plan_from(text, "p.yaml").channels
    assert isinstance(channel, ActionGroupChannel)
    assert channel.wants(NoticeName.FAILOVER_STARTED)
    assert not channel.wants(NoticeName.SETTLED)
    with pytest.raises(Exception, match="a channel that is not there yet"):
        plan_from(f"{text}  - {{kind: action_group}}\n", "p.yaml")


def test_a_notice_of_the_app_is_told_to_the_action_group(
    settings: Settings, azure: LocalAzure, caplog: pytest.LogCaptureFixture
) -> None:
    """By the world as it is put together, with the channel's choice of notices, once for each notice."""
    channels = (ActionGroupChannel(only=("critical",)),)
    plan = msgspec.structs.replace(plan_of(azure), notices=None, notify=channels)
    world = assemble(settings, {plan.pair: plan}, SystemClock())
    for name in (NoticeName.FAILOVER_STARTED, NoticeName.SETTLED):
        with caplog.at_level(logging.INFO, logger="hubswitch.mail"):
            found = publish_notice(world, Tidings(pair=plan.pair, id=f"n-{name}", name=name, at=AT, why="hub is bad"))
        assert found.failed == ()
    (line,) = [record for record in caplog.records if record.msg == MAIL_LINE]
    assert line.getMessage().startswith(f"mail FailoverStarted of {plan.pair} (critical): ")
