"""Where clients should go: keys of an App Configuration store, prefix ``hubswitch:<pair>:``.

=============  ==========================  =======================================================================
key            content type                value
=============  ==========================  =======================================================================
plain keys     ``text/plain``              hub, project, workspace, subscription, resource_group, region, endpoint
``active``     ``application/json``        ``PointerValue``: the one that counts
``epoch``      ``text/plain``              the number: written last, for readers that watch one key
=============  ==========================  =======================================================================

Each key carries the tag ``hubswitch.epoch``. Replicas of a store take writes on their own and agree later, so the
conditions of a write hold on one endpoint only: this publishes what the epoch record has already decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from azure.appconfiguration import AzureAppConfigurationClient, ConfigurationSetting
from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineResponse

from orchestrator.adapters.http.errors import shorten, translate_errors, unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import Conflict, EpochFenced, InvalidInput, NotFound
from orchestrator.core.epoch import PointerValue
from orchestrator.ports import PointerSnapshot

EPOCH_TAG = "hubswitch.epoch"
NO_LABEL = "\0"
"""How the service spells "without a label" in a filter (learn.microsoft.com, rest-api-key-value)."""

WRITERS = 28
"""Plain keys written at once to one endpoint: those of four pairs. A store of a thousand pairs that all switch at once
would otherwise need more connections than are kept, and a new one costs more than a write."""

TRIAL_KEY = "hubswitch-doctor"
"""A key that nobody has: writes that must not succeed are sent for it."""

JSON = "application/json"
PLAIN = "text/plain"


class AppConfigurationPointer:
    """``PointerStore`` on the endpoint that is written; replicas are only read. For all threads and pairs."""

    def __init__(self, endpoint: str, credential: TokenCredential, transport: BoundedTransport) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._transport = transport
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="pointer")
        self._clients: dict[str, AzureAppConfigurationClient] = {endpoint: self._make_client(endpoint)}

    def snapshot(self, pair: str) -> PointerSnapshot:
        """All keys of the pair on the endpoint that is written, from one list.

        Raises:
            InvalidInput, UnknownShape: the key that counts holds something else; names endpoint and key.
        """
        doing = f"reading the pointer of {pair} on {self._endpoint}"
        with translate_errors(doing):
            found = list(
                self._clients[self._endpoint].list_configuration_settings(
                    key_filter=f"{_key(pair, '')}*",
                    label_filter=NO_LABEL,
                    raw_response_hook=lambda answer: _check_list(answer, doing),
                )
            )
        settings = {setting.key: setting for setting in found}
        active = settings.get(_key(pair, "active"))
        return PointerSnapshot(
            self._value(active, self._endpoint) if active else None,
            {key: setting.etag for key, setting in settings.items()},
            max((_epoch_of(setting, self._endpoint) for setting in found), default=0),
        )

    def publish(self, pair: str, value: PointerValue, over: PointerSnapshot) -> None:
        """Write the plain keys side by side, then the value that counts, then the sentinel.

        Raises:
            EpochFenced: a key carries a higher epoch, or the same epoch for the other side. Nothing was written.
            Conflict: a key has changed since ``over`` was read. What had not been written yet was not.
        """
        _fence(pair, value, over)
        self._write_side_by_side(
            [self._make_setting(pair, name, text, value) for name, text in plain_keys(value)], over
        )
        active = self._make_setting(pair, "active", encode(value).decode(), value, content_type=JSON)
        self._write(active, over.etags)
        self._write(self._make_setting(pair, "epoch", str(value.epoch), value), over.etags)

    def read_from(self, pair: str, endpoint: str) -> PointerValue | None:
        """What one endpoint of the store holds now.

        Raises:
            InvalidInput, UnknownShape: something else than a pointer; names endpoint and key.
        """
        client = self._clients.get(endpoint) or self._clients.setdefault(endpoint, self._make_client(endpoint))
        try:
            with translate_errors(f"reading the pointer of {pair} on {endpoint}"):
                found = client.get_configuration_setting(_key(pair, "active"))
        except NotFound:
            return None
        return self._value(found, endpoint) if found else None

    def try_write(self) -> None:
        """Return if a write would be let in. It is sent for a key of no pair, under an ETag that it does not have.

        Raises:
            Forbidden: the role is missing.
            TemporaryError: it was written all the same.
        """
        doing = f"trying to write on {self._endpoint}"
        setting = ConfigurationSetting(key=TRIAL_KEY, value="")
        with suppress(Conflict), translate_errors(doing):
            self._clients[self._endpoint].set_configuration_setting(
                setting, etag="none", match_condition=MatchConditions.IfNotModified
            )
            raise unexpected_answer(doing, "the condition to fail", "a success")

    def _make_client(self, endpoint: str) -> AzureAppConfigurationClient:
        transport = OneHostTransport(self._transport, endpoint)
        return AzureAppConfigurationClient(endpoint, self._credential, transport=transport, **NO_RETRY)

    def _value(self, setting: ConfigurationSetting, endpoint: str) -> PointerValue:
        return read_record(setting.value or "", PointerValue, f"{endpoint} key {setting.key}")

    def _make_setting(
        self, pair: str, name: str, text: str, value: PointerValue, content_type: str = PLAIN
    ) -> ConfigurationSetting:
        return ConfigurationSetting(
            key=_key(pair, name), value=text, content_type=content_type, tags={EPOCH_TAG: str(value.epoch)}
        )

    def _write(self, setting: ConfigurationSetting, etags: Mapping[str, str]) -> None:
        etag = etags.get(setting.key)
        condition = MatchConditions.IfNotModified if etag else MatchConditions.IfMissing
        with translate_errors(f"writing {setting.key} on {self._endpoint}"):
            self._clients[self._endpoint].set_configuration_setting(setting, match_condition=condition, etag=etag)

    def _write_side_by_side(self, settings: list[ConfigurationSetting], over: PointerSnapshot) -> None:
        pending: list[Future[Any]] = [
            self._threads.submit(copy_context().run, self._write, setting, over.etags) for setting in settings
        ]
        wait(pending)
        faults = [fault for fault in (write.exception() for write in pending) if fault]
        for fault in sorted(faults, key=lambda found: not isinstance(found, Conflict)):
            raise fault


def plain_keys(value: PointerValue) -> list[tuple[str, str]]:
    """Names and values of the keys for readers who want no JSON."""
    return [
        ("hub", value.hub),
        ("project", value.project),
        ("workspace", value.project),
        ("subscription", value.subscription),
        ("resource_group", value.resource_group),
        ("region", value.region),
        ("endpoint", value.endpoint),
    ]


def _key(pair: str, name: str) -> str:
    return f"hubswitch:{pair}:{name}"


def _check_list(response: PipelineResponse[Any, Any], doing: str) -> None:
    """Refuse a page without a list: the client takes it for an empty store, over which a pointer would be written.

    Raises:
        TemporaryError: the answer is a success and no page of key-values.
    """
    answer = response.http_response
    if answer.status_code != HTTPStatus.OK:
        return
    body = answer.json()
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise unexpected_answer(doing, "items", "none")


def _epoch_of(setting: ConfigurationSetting, endpoint: str) -> int:
    text = (setting.tags or {}).get(EPOCH_TAG, "0")
    if not text.isdigit():
        raise InvalidInput(f"{endpoint} key {setting.key}", EPOCH_TAG, "a number", repr(shorten(text, 40)))
    return int(text)


def _fence(pair: str, value: PointerValue, over: PointerSnapshot) -> None:
    there = over.value
    if over.highest_epoch > value.epoch:
        raise EpochFenced(
            f"the pointer of {pair} is at epoch {over.highest_epoch}; epoch {value.epoch} may not be written"
        )
    if there and there.epoch == value.epoch and there.active is not value.active:
        raise EpochFenced(f"the pointer of {pair} names the {there.active} in epoch {value.epoch} already")
