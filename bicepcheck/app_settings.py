"""The app settings of the template beside those that the code, ``host.json`` and the platform read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import msgspec
from tree_sitter import Node

from bicepcheck.syntax import Finding, Resource, Template, finding, items_of, literal, properties, value_of
from orchestrator.settings import PREFIX, Settings

CONFIG = "microsoft.web/sites/config"
PLATFORM = frozenset(
    {
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AzureWebJobsDisableHomepage",
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__credential",
        "PYTHON_THREADPOOL_THREAD_COUNT",
    }
)
"""What the Functions host and its worker read."""

DEFAULT_IS_RIGHT = {
    "region": "Azure names it in REGION_NAME",
    "stamp": "Azure names the site in WEBSITE_SITE_NAME",
    "take_over_after": "a matter of taste",
    "ca_bundle": "public Azure has public certificates",
    "log_analytics": "public Azure; another cloud sets it among the extra settings",
    "connect_timeout": "a matter of taste",
    "read_timeout": "a matter of taste",
    "probe_timeout": "a matter of taste",
    "poll_timeout": "a matter of taste",
    "retry_sleep": "a matter of taste",
    "watch_schedule": "a matter of the plans",
    "poll_schedule": "a matter of the plans",
    "watch_slot": "follows the watch's schedule",
    "reader_client_id": "the probe reads inventories as well, and has the roles for it",
    "readiness_schedule": "a matter of the plans",
    "reconcile_schedule": "a matter of the plans",
    "reconcile_slot": "follows the reconciliation's schedule",
    "replicate_schedule": "a matter of the plans",
    "machine_keys": "digests of keys are among the extra settings",
    "signed_in_header": "the template sets it where it turns authentication on",
}
"""Settings that the template leaves at their defaults, and why that is right in Azure."""

_IN_HOST_FILE = re.compile(r'%(\w+)%|"connectionStringName": "(\w+)"')


def known_settings(root: Path) -> dict[str, bool]:
    """Every app setting that is read, and whether the template has to set it."""
    own = {PREFIX + each.name.upper(): each.name not in DEFAULT_IS_RIGHT for each in msgspec.structs.fields(Settings)}
    host = (root / "host.json").read_text(encoding="utf-8")
    asked = {name for pair in _IN_HOST_FILE.findall(host) for name in pair if name}
    return own | dict.fromkeys(PLATFORM | asked, True)


def check_settings(templates: dict[Path, Template], root: Path) -> Iterator[Finding]:
    """Settings that are missing, and settings that nobody reads."""
    known = known_settings(root)
    for template in templates.values():
        for resource in template.resources.values():
            name = literal(value_of(resource.body, "name"))
            if resource.type.casefold() == CONFIG and name == "appsettings":
                yield from _check_one(template, resource, known)


def _objects_of_choices(arguments: Node | None) -> Iterator[Node]:
    """Objects that a condition adds to the settings."""
    for each in items_of(arguments) if arguments else ():
        if each.type == "ternary_expression":
            yield from (branch for branch in each.named_children if branch.type == "object")


def _check_one(template: Template, resource: Resource, known: dict[str, bool]) -> Iterator[Finding]:
    value = value_of(resource.body, "properties")
    if value is None:
        return
    arguments = value.child_by_field_name("arguments") if value.type == "call_expression" else None
    always = [each for each in (items_of(arguments) if arguments else [value]) if each.type == "object"]
    given = {str(key): whole for each in always for key, _, whole in properties(each)}
    sometimes = {str(key): whole for each in _objects_of_choices(arguments) for key, _, whole in properties(each)}
    for name, whole in (given | sometimes).items():
        if name not in known:
            meant = get_close_matches(name, known, n=1)
            hint = f" (did you mean {meant[0]}?)" if meant else ""
            yield finding(template.file, whole, f"app setting {name}: nobody reads it{hint}")
    for name, is_needed in known.items():
        if is_needed and name not in given:
            yield finding(template.file, value, f"app setting {name}: it is read, and not set here")
