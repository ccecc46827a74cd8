"""The step that calls a webhook: a signed POST, and the wait for what it begins."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.base.text import is_https_url
from orchestrator.core.plan.channels import find_setting_faults
from orchestrator.core.plan.faults import Fault
from orchestrator.core.plan.step_base import BaseStep


class CallWebhook(BaseStep, kw_only=True, tag="call_webhook"):
    """POST a JSON object that says which run is at which step, signed as notices to webhooks are, and wait for its end.

    Any 2xx but 202 ends the step; so does a 202 without a `Location`. With one, that URL is asked until it answers
    another 2xx, not before its `Retry-After`. It must be https, at the host that was called. A redirect is not
    followed. Each run and step has one `Idempotency-Key`: a receiver must begin its work once for each key.
    """

    url: str = ""
    """Where to, https; or `url_setting`."""

    url_setting: str = ""
    """Name of the app setting that holds the URL, where whoever has the URL can call it, as with Logic Apps."""

    secret_setting: str
    """Name of the app setting that holds the secret of the signature. No plan holds the secret itself."""

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if bool(self.url) == bool(self.url_setting):
            got = "both" if self.url else "neither"
            yield Fault("url", "either url or url_setting", got, ("url_setting",))
        if self.url and not is_https_url(self.url):
            yield Fault("url", "an https URL", self.url)
        if self.url_setting:
            yield from find_setting_faults("url_setting", self.url_setting)
        yield from find_setting_faults("secret_setting", self.secret_setting)
