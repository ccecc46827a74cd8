"""Settings of one deployment, read once from the environment. Wrong ones are refused at start, by name."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import GLOBAL, region_named
from orchestrator.core.base.text import duration_from, is_https_url
from orchestrator.core.decision.leadership import TAKE_OVER_AFTER

PREFIX = "HUBSWITCH_"
_SCHEDULE = re.compile(r"^[0-9*,/-]+(?: [0-9A-Za-z*,/-]+){4,5}$")
_STAMP = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,59}$")
_DIGESTS = re.compile(r"^[0-9A-Fa-f]{64}(?: *, *[0-9A-Fa-f]{64})*$")
TICKS_OF_SILENCE = 3
"""Ticks of the watch that a leader may at least miss before another one takes over."""

TICKS_WAITED = 6
"""The same if the settings do not say for how long a follower waits, and the watch is slow."""

_ALIKE = 0.85
"""How much a name must resemble that of a setting to be taken for a slip of the pen."""


class CredentialKind(StrEnum):
    MANAGED_IDENTITY = "managed-identity"
    """The identity of the Function App: what runs unattended."""

    DEFAULT = "default"
    """azure-identity's chain (environment, CLI, …): for a developer's machine."""


class Settings(Value, kw_only=True):
    """Everything that is not part of a plan. Each field is the variable ``HUBSWITCH_<FIELD>``."""

    plans: str
    """Folder of plans (every ``*.yaml`` in it), or one file. Required: without a plan there is nothing to do."""

    credential: CredentialKind = CredentialKind.MANAGED_IDENTITY
    """Where tokens come from. A managed identity needs no secret."""

    executor_client_id: str = ""
    """Client id of the identity that switches and resubmits; empty for the system-assigned one."""

    probe_client_id: str = ""
    """Client id of the identity that probes. A second one keeps probing out of the executor's write budget."""

    reader_client_id: str = ""
    """Client id of the identity that reads the inventories of both sides; empty for the one that probes."""

    resource_manager: str = "https://management.azure.com"
    """Resource Manager's endpoint; another one in sovereign clouds."""

    ca_bundle: str = ""
    """PEM file of certificate authorities to trust instead of the system's; for private clouds and local runs."""

    connect_timeout: timedelta = timedelta(seconds=2)
    """Longest wait for a connection. A black hole costs this much and no more."""

    read_timeout: timedelta = timedelta(seconds=8)
    """Longest silence while an answer is read."""

    probe_timeout: timedelta = timedelta(seconds=4)
    """Longest wait for one probe, all in all. Shorter than the interval while suspect."""

    log_analytics: str = "https://api.loganalytics.io"
    """Endpoint, and audience, of Azure Monitor's query API; another one in sovereign clouds."""

    poll_timeout: timedelta = timedelta(seconds=15)
    """Longest wait for each thing that is polled, all its pages together. Queries of logs take seconds."""

    retry_sleep: timedelta = timedelta(seconds=5)
    """Longest Retry-After that is honoured inside a call; longer ones are left to durable timers."""

    watch_schedule: str = "*/10 * * * * *"
    """NCRONTAB of the watch. Not less often than the shortest ``suspect_interval`` of the plans."""

    poll_schedule: str = "*/30 * * * * *"
    """NCRONTAB of polls. Not less often than the shortest ``polls.suspect_interval`` of the plans."""

    watch_slot: timedelta = timedelta(seconds=10)
    """Time that one tick of the watch may take: that between two of ``watch_schedule``. The rest waits for the next."""

    reconcile_schedule: str = "0 * * * * *"
    """NCRONTAB of the reconciliation of ledger and hubs."""

    reconcile_slot: timedelta = timedelta(minutes=1)
    """Time that one reconciliation may take: that between two of ``reconcile_schedule``, and less than Azure's limit
    for a function, ``functionTimeout`` in ``host.json``."""

    region: str = ""
    """Region in which this app runs; empty for the one that Azure names in ``REGION_NAME``. While Service Health names
    it, nothing is switched. A plan may name another one: ``references.home``."""

    stamp: str = "one"
    """Name of this app among those that watch the same pairs; if it is not given, the one that Azure names in
    ``WEBSITE_SITE_NAME``. Each tells the others under it what it sees."""

    take_over_after: timedelta = TAKE_OVER_AFTER
    """Where several stamps watch the same pairs: after so long without a sign of the stamp that leads, measured here,
    another one takes over. A leader that cannot renew its lead stops after half of it. At least three times
    ``watch_slot``, for the lead is renewed at each tick of the watch; if it is not given, at least six times."""

    replicate_schedule: str = "30 * * * * *"
    """NCRONTAB of the replication of what running jobs need to the standby, and of data that are copied ahead, which
    takes it to be a minute. It lies between two reconciliations."""

    app_url: str = ""
    """Where people reach this app, such as ``https://hubswitch.example.com``: notices link to the pair on the status
    page. Empty for no links."""
    readiness_schedule: str = "5/15 * * * * *"
    """NCRONTAB of the timer that asks whether a standby is to be looked at: each is every half hour, and soon after
    something of its pair was changed."""

    signed_in_header: bool = False
    """Whether App Service authentication is in front of this app and sets ``x-ms-client-principal`` itself. Then its
    app roles say who may do what. If it is not, that header is anybody's text: it is not believed, and the name in the
    body is taken."""

    machine_keys: str = ""
    """Keys of machines where ``signed_in_header`` is on: the SHA-256 of each in hexadecimal digits, separated by
    commas. The Functions host's own keys open deliveries alone there, since the host would ask people for one too."""


def digest_of(key: str) -> str:
    """How a machine's key stands in the settings: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def with_own_login(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program on a person's machine: that person's login, unless it says whose."""
    return {f"{PREFIX}CREDENTIAL": CredentialKind.DEFAULT.value, **environment}


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that environment variables give.

    Raises:
        InvalidInput: names the variable, what was expected, what was there.
    """
    shapes = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    given = {name[len(PREFIX) :].casefold(): text for name, text in environment.items() if name.startswith(PREFIX)}
    _must_be_spelt(given, shapes)
    known = {name: _value(name, text, shapes[name]) for name, text in given.items() if name in shapes and text}
    if "plans" not in known:
        raise InvalidInput("environment", f"{PREFIX}PLANS", "a folder of plans, or one plan file", "nothing")
    if known.get("signed_in_header") and not _may_be_authenticated(environment):
        expected = "false, or App Service authentication turned on"
        got = f"true, and WEBSITE_AUTH_ENABLED is {environment.get('WEBSITE_AUTH_ENABLED') or 'not set'}"
        raise InvalidInput("environment", f"{PREFIX}SIGNED_IN_HEADER", expected, got)
    return _check(Settings(**(_from_azure(environment) | _from_slot(known) | known)))


def _from_azure(environment: Mapping[str, str]) -> dict[str, str]:
    """What App Service says of itself (learn.microsoft.com, "Environment variables and app settings reference")."""
    site = environment.get("WEBSITE_SITE_NAME", "")
    region = region_named(environment.get("REGION_NAME", ""))
    return ({"region": region} if region else {}) | ({"stamp": site} if _STAMP.match(site) else {})


def _from_slot(known: Mapping[str, Any]) -> dict[str, timedelta]:
    """A slower watch renews its lead less often: then followers wait longer, unless it is said how long."""
    slot = known.get("watch_slot", timedelta())
    return {"take_over_after": max(TAKE_OVER_AFTER, TICKS_WAITED * slot)}


def _must_be_spelt(given: Mapping[str, str], shapes: Mapping[str, object]) -> None:
    """Others may use our prefix; a name that is nearly one of ours is a setting that would silently not be set."""
    for name in given:
        meant = difflib.get_close_matches(name, shapes, n=1, cutoff=_ALIKE)
        if name not in shapes and meant:
            raise InvalidInput(
                "environment", PREFIX + name.upper(), f"{PREFIX}{meant[0].upper()}", "a name that is nearly that"
            )


def _value(name: str, text: str, shape: object) -> Any:
    variable = PREFIX + name.upper()
    if shape is timedelta:
        return duration_from(text, "environment", variable)
    if shape is CredentialKind:
        if text not in set(CredentialKind):
            raise InvalidInput("environment", variable, " or ".join(CredentialKind), repr(text))
        return CredentialKind(text)
    if shape is bool:
        if text not in _TRUTH:
            raise InvalidInput("environment", variable, " or ".join(_TRUTH), repr(text))
        return _TRUTH[text]
    return text


_TRUTH = {"true": True, "false": False}


def _may_be_authenticated(environment: Mapping[str, str]) -> bool:
    """Whether the platform's authentication may be believed to be on.

    Azure tells it in WEBSITE_AUTH_ENABLED (learn.microsoft.com, "Environment variables and app settings reference").
    Where an app in Azure is not told so, anybody could send the header, and its routes would be open to all.
    """
    told = environment.get("WEBSITE_AUTH_ENABLED", "").casefold()
    return told == "true" or (not told and not environment.get("WEBSITE_SITE_NAME"))


def _check(settings: Settings) -> Settings:
    for name in ("resource_manager", "log_analytics"):
        if urlsplit(getattr(settings, name)).scheme != "https":
            raise InvalidInput("environment", PREFIX + name.upper(), "an https URL", getattr(settings, name))
    if settings.app_url and not is_https_url(settings.app_url):
        raise InvalidInput("environment", f"{PREFIX}APP_URL", "an https URL", settings.app_url)
    for name in ("connect_timeout", "read_timeout", "probe_timeout", "poll_timeout", "watch_slot", "reconcile_slot"):
        if getattr(settings, name) <= timedelta():
            raise InvalidInput(
                "environment", PREFIX + name.upper(), "a duration above zero", str(getattr(settings, name))
            )
    schedules = ("watch_schedule", "poll_schedule", "reconcile_schedule", "replicate_schedule", "readiness_schedule")
    for name in schedules:
        if not _SCHEDULE.match(getattr(settings, name)):
            expected = "an NCRONTAB such as */10 * * * * *"
            raise InvalidInput("environment", PREFIX + name.upper(), expected, repr(getattr(settings, name)))
    if settings.region and region_named(settings.region) in {None, GLOBAL}:
        raise InvalidInput("environment", "HUBSWITCH_REGION", "the name of an Azure region", repr(settings.region))
    if not _STAMP.match(settings.stamp):
        expected = "letters, digits and hyphens, at most 60"
        raise InvalidInput("environment", "HUBSWITCH_STAMP", expected, repr(settings.stamp))
    if settings.take_over_after < TICKS_OF_SILENCE * settings.watch_slot:
        expected = f"at least {TICKS_OF_SILENCE} times HUBSWITCH_WATCH_SLOT, which is {settings.watch_slot}"
        raise InvalidInput("environment", "HUBSWITCH_TAKE_OVER_AFTER", expected, str(settings.take_over_after))
    if settings.machine_keys and not _DIGESTS.match(settings.machine_keys):
        expected = "the SHA-256 of each key, 64 hexadecimal digits, separated by commas"
        raise InvalidInput("environment", "HUBSWITCH_MACHINE_KEYS", expected, "something else")
    if settings.ca_bundle and not Path(settings.ca_bundle).is_file():
        raise InvalidInput("environment", "HUBSWITCH_CA_BUNDLE", "a PEM file that is there", settings.ca_bundle)
    return settings
