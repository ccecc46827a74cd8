"""Calls of webhooks by steps of a plan: a signed POST, and questions for the end of what it began."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from orchestrator.adapters.http.errors import retry_after
from orchestrator.adapters.http.plain import AnswerHead, PlainHttp
from orchestrator.adapters.notify.named_secrets import secret_of, secret_url_of
from orchestrator.adapters.notify.webhook import SIGNATURE, signature
from orchestrator.core.base.errors import Refused
from orchestrator.core.base.text import is_https_url
from orchestrator.core.plan.steps_webhook import CallWebhook
from orchestrator.ports import WebhookAnswer

KEY = "Idempotency-Key"
CONTENT_TYPE = "application/json"


class SignedWebhooks:
    """``Webhooks``. Safe to share between threads.

    Args:
        http: sends, within the process's limits.
        environment: app settings by name; secrets are read from it when they are needed.
    """

    def __init__(self, http: PlainHttp, environment: Mapping[str, str]) -> None:
        self._http = http
        self._environment = environment

    def call(self, step: CallWebhook, content: bytes, key: str) -> WebhookAnswer:
        """Send the signed content.

        Raises:
            InvalidInput: an app setting that the step names is not there or is empty; nothing was sent.
            HubswitchError: any answer but 2xx, or none; names the host, never the URL, which may be a secret.
        """
        url = self.find_url(step)
        secret = self._secret(step)
        headers = {"Content-Type": CONTENT_TYPE, SIGNATURE: signature(secret, content), KEY: key}
        return _answer(url, self._http.head_of("POST", url, content, headers))

    def ask(self, step: CallWebhook, location: str) -> WebhookAnswer:
        """Ask for the end of what was begun, without a signature.

        Raises:
            Refused: the place is at another host than the plan's.
            HubswitchError: any answer but 2xx, or none.
        """
        _check(self.find_url(step), location)
        return _answer(location, self._http.head_of("GET", location))

    def check(self, step: CallWebhook) -> str:
        """The host that would be called. Raises InvalidInput if an app setting is not there."""
        self._secret(step)
        return urlsplit(self.find_url(step)).hostname or ""

    def find_url(self, step: CallWebhook) -> str:
        """What is called: the plan's own URL, or an app setting's."""
        return step.url or secret_url_of(self._environment, step.url_setting, "the URL of a webhook that a step calls")

    def _secret(self, step: CallWebhook) -> str:
        return secret_of(self._environment, step.secret_setting, "the secret of a webhook that a step calls")


def _answer(url: str, head: AnswerHead) -> WebhookAnswer:
    if head.status != HTTPStatus.ACCEPTED:
        return WebhookAnswer(goes_on=False)
    said = head.headers.get("Location", "")
    location = urljoin(url, said) if said else ""
    if location:
        _check(url, location)
    return WebhookAnswer(goes_on=True, location=location, retry_after=retry_after(head.headers))


def _check(url: str, location: str) -> None:
    """Only the receiver that the plan names is asked: another place could be any within our own network."""
    if not is_https_url(location) or urlsplit(location).netloc.casefold() != urlsplit(url).netloc.casefold():
        host = urlsplit(location).hostname
        raise Refused(f"{urlsplit(url).hostname} wants to be asked at {host}, which is not where the plan calls")
