"""Notices to a webhook: one POST each, a CloudEvent as JSON, signed with HMAC-SHA256.

The header ``X-Hubswitch-Signature`` is ``sha256=`` and the hexadecimal HMAC of the body's bytes under the shared
secret. The body holds the notice's id and time, so a receiver that checks the signature can refuse what it has seen
and what is old.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from orchestrator.adapters.http.plain import PlainHttp
from orchestrator.adapters.notify.cloud_events import structured
from orchestrator.adapters.notify.named_secrets import secret_of
from orchestrator.core.base.codec import encode
from orchestrator.core.plan.channels import WebhookChannel
from orchestrator.ports import Notice

SIGNATURE = "X-Hubswitch-Signature"
CONTENT_TYPE = "application/cloudevents+json"


class WebhookNotices:
    """``Notices`` on webhooks. Safe to share between threads.

    Args:
        http: sends, within the process's limits.
        environment: app settings by name; secrets are read from it when they are needed.
    """

    def __init__(self, http: PlainHttp, environment: Mapping[str, str]) -> None:
        self._http = http
        self._environment = environment

    def publish(self, channel: WebhookChannel, notices: Sequence[Notice]) -> None:
        """Send each of them; nothing is sent without the secret, or if one has a type that is not ours.

        Raises:
            InvalidInput: the app setting that the plan names is not there or is empty.
        """
        secret = secret_of(self._environment, channel.secret_setting, "the secret of a webhook that a plan names")
        for content in [encode(structured(notice)) for notice in notices]:
            headers = {"Content-Type": CONTENT_TYPE, SIGNATURE: signature(secret, content)}
            self._http.post(channel.url, content, headers)


def signature(secret: str, content: bytes) -> str:
    """What the header says of a body."""
    return f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"
