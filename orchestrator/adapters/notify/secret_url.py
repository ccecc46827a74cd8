"""Notices as messages of a service, each posted as JSON to a URL that is a secret."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from orchestrator.adapters.http.plain import PlainAnswer, PlainHttp
from orchestrator.adapters.notify.cloud_events import check_type
from orchestrator.adapters.notify.named_secrets import secret_url_of
from orchestrator.core.base.codec import encode
from orchestrator.core.base.message import Message
from orchestrator.core.plan.channels import SecretUrlChannel
from orchestrator.ports import Notice


class SecretUrlNotices(ABC):
    """``Notices`` on channels of one kind. Safe to share between threads.

    Args:
        http: sends, within the process's limits.
        environment: app settings by name; URLs are read from it when they are needed.
    """

    URL: ClassVar[str]
    """What the app setting is to hold, for people."""

    def __init__(self, http: PlainHttp, environment: Mapping[str, str]) -> None:
        self._http = http
        self._environment = environment

    def publish(self, channel: SecretUrlChannel, notices: Sequence[Notice]) -> None:
        """Send each of them; nothing is sent without the URL, or if one has a type that is not ours.

        Raises:
            InvalidInput: the app setting that the plan names is not there, or holds no https URL.
        """
        url = secret_url_of(self._environment, channel.url_setting, self.URL)
        for notice in notices:
            check_type(notice)
        for content in [encode(self.shape(notice.message)) for notice in notices]:
            self.check(self._http.post(url, content, {"Content-Type": "application/json"}))

    @abstractmethod
    def shape(self, message: Message) -> dict[str, Any]:
        """The message as the service takes it."""

    @abstractmethod
    def check(self, answer: PlainAnswer) -> None:
        """Return if an answer of 2xx is the service's own."""
