"""Notices to an action group of Azure Monitor: one line of the log each, which an alert rule of ``infra/`` reads.

No documented call sends a text to an action group. ``createNotifications`` (Microsoft.Insights) sends *test*
notifications: samples of an alert, to receivers that the caller lists (learn.microsoft.com, "az monitor action-group
test-notifications"). What fires a group is an alert rule, so the notice is written where a rule of the template looks,
and the rule's dimensions carry its words. That nothing arrived cannot be seen from here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from orchestrator.core.base.message import Message
from orchestrator.core.base.notice_table import NoticeSeverity
from orchestrator.core.base.text import cut
from orchestrator.core.plan.channels import ActionGroupChannel
from orchestrator.ports import Notice

LOG = logging.getLogger("hubswitch.mail")

MAIL_LINE = "mail %s of %s (%s): %s"
"""Notice, pair, severity, words: what ``infra/queries/mail.kql`` parses. A test holds one against the other."""

LONGEST = 1_000
"""Characters of the words. How long a dimension of an alert may be is not documented."""


class ActionGroupNotices:
    """``Notices`` for the action groups of the alert rule. Safe to share between threads."""

    def publish(self, channel: ActionGroupChannel, notices: Sequence[Notice]) -> None:
        """Log each of them. Nothing is sent from here, so nothing fails."""
        del channel
        for notice in notices:
            message = notice.message
            level = logging.INFO if message.severity is NoticeSeverity.INFO else logging.WARNING
            name = notice.type.rpartition(".")[2]
            LOG.log(level, MAIL_LINE, name, message.pair, message.severity.value, cut(_words_of(message), LONGEST))


def _words_of(message: Message) -> str:
    """Everything in one line, as a line of the log is one event."""
    told = [f"{message.what}.", *(f"{name}: {text}" for name, text in message.lines()), message.link]
    return " ".join(" ".join(told).split())
