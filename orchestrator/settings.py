"""Settings of one deployment, read once from the environment. Wrong ones are refused at start, by name."""

from __future__ import annotations

import difflib
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
from orchestrator.core.base.text import duration_from

PREFIX = "HUBSWITCH_"
_SCHEDULE = re.compile(r"^[0-9*,/-]+(?: [0-9A-Za-z*,/-]+){4,5}$")
_STAMP = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,59}$")
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

    replicate_schedule: str = "30 * * * * *"
    """NCRONTAB of the replication of what running jobs need to the standby. It lies between two reconciliations."""

    signed_in_header: bool = False
    """Whether the platform's authentication is in front of this app and sets ``x-ms-client-principal-name`` itself. If
    it is not, that header is anybody's text: it is not believed, and the name in the body is taken."""


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
    return _check(Settings(**(_from_azure(environment) | known)))


def _from_azure(environment: Mapping[str, str]) -> dict[str, str]:
    """What App Service says of itself (learn.microsoft.com, "Environment variables and app settings reference")."""
    site = environment.get("WEBSITE_SITE_NAME", "")
    region = region_named(environment.get("REGION_NAME", ""))
    return ({"region": region} if region else {}) | ({"stamp": site} if _STAMP.match(site) else {})


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


def _check(settings: Settings) -> Settings:
    for name in ("resource_manager", "log_analytics"):
        if urlsplit(getattr(settings, name)).scheme != "https":
            raise InvalidInput("environment", PREFIX + name.upper(), "an https URL", getattr(settings, name))
    for name in ("connect_timeout", "read_timeout", "probe_timeout", "poll_timeout", "watch_slot", "reconcile_slot"):
        if getattr(settings, name) <= timedelta():
            raise InvalidInput(
                "environment", PREFIX + name.upper(), "a duration above zero", str(getattr(settings, name))
            )
    for name in ("watch_schedule", "poll_schedule", "reconcile_schedule", "replicate_schedule"):
        if not _SCHEDULE.match(getattr(settings, name)):
            expected = "an NCRONTAB such as */10 * * * * *"
            raise InvalidInput("environment", PREFIX + name.upper(), expected, repr(getattr(settings, name)))
    if settings.region and region_named(settings.region) in {None, GLOBAL}:
        raise InvalidInput("environment", "HUBSWITCH_REGION", "the name of an Azure region", repr(settings.region))
    if not _STAMP.match(settings.stamp):
        expected = "letters, digits and hyphens, at most 60"
        raise InvalidInput("environment", "HUBSWITCH_STAMP", expected, repr(settings.stamp))
    if settings.ca_bundle and not Path(settings.ca_bundle).is_file():
        raise InvalidInput("environment", "HUBSWITCH_CA_BUNDLE", "a PEM file that is there", settings.ca_bundle)
    return settings
