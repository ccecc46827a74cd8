"""Whether the secondary could take over: what the checks find between two inventories, and what that amounts to. Pure.

``CHECKS`` in ``readiness_checks`` is the table of what is looked at; this is how it is walked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.core.base.codec import Value
from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.regions import squeeze
from orchestrator.core.standby.inventory import HubInventory, NotCollected, comparable, dig, name_of
from orchestrator.core.standby.twin_map import Translator, TwinMap

LONGEST = 120
"""Characters of a value that a finding shows."""


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


WEIGHTS = {Severity.BLOCK: 5, Severity.WARN: 2, Severity.INFO: 1}
"""What a check is worth in the score, by the severity of its row."""


class Finding(Value, kw_only=True):
    """One thing that a check found."""

    check: int
    severity: Severity
    path: str
    """``<inventory key>[.<name>[.<property>]]``."""

    what: str
    primary: str
    """What the primary has, as far as it matters."""

    secondary: str
    fix: str
    """What to do about it."""


class Readiness(Value, kw_only=True):
    """What a comparison amounts to."""

    ready: bool
    """False if anything blocks, or if what a check needs could not be read."""

    score: int
    """0 to 100: the part of all checks, by weight, that found nothing."""

    checks: int
    findings: tuple[Finding, ...]


@dataclass
class Comparison:
    """Both inventories, how names of one read in the other, and what was found so far."""

    primary: HubInventory
    secondary: HubInventory
    twins: TwinMap
    translate: Translator
    region: str
    """Where the secondary should be; empty if the inventories do not say."""

    primary_region: str
    now: datetime | None
    """When the secondary was looked at."""

    found: list[Finding] = field(default_factory=list)
    unknown: bool = False
    row: CheckRow | None = None
    """The check that is under way."""

    def add(
        self,
        path: str,
        what: str,
        primary: Any = None,
        secondary: Any = None,
        severity: Severity | None = None,
        fix: str = "",
    ) -> None:
        """Note a finding of the check that is under way, with its row's severity and fix if it has none of its own."""
        if self.row is None:
            raise RuntimeError("a finding belongs to a check")
        self.found.append(
            Finding(
                check=self.row.number,
                severity=severity or self.row.severity,
                path=path,
                what=what,
                primary=_show(primary),
                secondary=_show(secondary),
                fix=fix or self.row.fix,
            )
        )

    def unread(self, fault: NotCollected) -> None:
        """Note that something could not be read. Unknown is not ready."""
        self.unknown = True
        self.add(fault.key, f"cannot be compared: {fault.why}")

    def same(
        self,
        path: str,
        one: Mapping[str, Any],
        other: Mapping[str, Any],
        names: Iterable[str],
        severity: Severity | None = None,
    ) -> None:
        """Compare properties by dotted paths from the element; ``properties.`` is no part of a finding's path."""
        for name in names:
            wanted, has = self.translate.value(dig(one, name)), dig(other, name)
            if comparable(_default(name, wanted)) != comparable(_default(name, has)):
                self.add(f"{path}.{label(name)}", "is not as in the primary", wanted, has, severity)

    def must(
        self,
        path: str,
        element: Mapping[str, Any],
        name: str,
        expected: Iterable[Any],
        what: str,
    ) -> None:
        """Ask that a property has one of some values."""
        has = dig(element, name)
        if comparable(has) not in [comparable(value) for value in expected]:
            self.add(f"{path}.{label(name)}", what, None, has)

    def not_less(
        self,
        path: str,
        one: Mapping[str, Any],
        other: Mapping[str, Any],
        names: Iterable[str],
        what: str = "is less than in the primary",
        severity: Severity | None = None,
    ) -> None:
        """Ask that numbers are at least those of the primary."""
        for name in names:
            wanted, has = dig(one, name), dig(other, name)
            if not is_at_least(has, wanted):
                self.add(f"{path}.{label(name)}", what, wanted, has, severity)

    def here(self, path: str, element: Mapping[str, Any], name: str = "location") -> None:
        """Ask that something is in the secondary's region."""
        has = dig(element, name)
        if not self.region or squeeze(str(has or "")) != squeeze(self.region):
            self.add(f"{path}.{label(name)}", "is not in the secondary's region", self.region, has)

    def both(self, key: str) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """The one resource of both sides; nothing if the primary has none. If only the primary has it: a finding."""
        if not self.primary.has(key):
            return
        if self.secondary.has(key):
            yield self.primary.one(key), self.secondary.one(key)
        else:
            self.add(key, "is missing in the secondary", dig(self.primary.one(key), "name"))

    def twins_of(self, key: str) -> Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
        """Path, primary's and secondary's element of everything that the primary has. What is missing is a finding."""
        here, there = self.primary.by_name(key), self.secondary.by_name(key)
        for element in here.values():
            wanted = self.translate.name(name_of(element))
            twin = there.get(wanted.casefold())
            if twin is None:
                self.add(f"{key}.{wanted}", "is missing in the secondary", name_of(element))
            else:
                yield f"{key}.{name_of(twin)}", element, twin


DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(
        ("isArchived", "hbiWorkspace", "v1LegacyMode", "isHnsEnabled", "isDefault", "isSharedToAll"), False
    ),
    **dict.fromkeys(("disableLocalAuth", "DisableLocalAuth"), False),
    **dict.fromkeys(("allowSharedKeyAccess", "enableNodePublicIp"), True),
    **dict.fromkeys(("publicNetworkAccess", "egressPublicNetworkAccess"), "Enabled"),
    "vmPriority": "Dedicated",
    "osType": "Linux",
    "zoneRedundancy": "Disabled",
    "defaultAction": "Allow",
    "adminUserEnabled": False,
    "isolatedNetwork": False,
}
"""What a property means that Azure has left out of an answer."""


def _default(name: str, value: Any) -> Any:
    return DEFAULTS.get(name.rpartition(".")[2]) if value is None else value


class CheckRow(NamedTuple):
    """One row of the table of checks."""

    number: int
    title: str
    reads: tuple[str, ...]
    """Keys of the inventories."""

    severity: Severity
    look: Callable[[Comparison], None]
    fix: str


def is_at_least(has: Any, wanted: Any) -> bool:
    """Whether a number is large enough; what is no number is not, unless nothing is wanted."""
    if wanted is None:
        return True
    number, least = number_in(has), number_in(wanted)
    return number is not None and least is not None and number >= least


def label(name: str) -> str:
    """A property's name as it stands in a path."""
    return name.replace("properties.", "")


def compare(
    primary: Mapping[str, Any], secondary: Mapping[str, Any], twins: TwinMap, checks: Iterable[CheckRow]
) -> Readiness:
    """Walk through the checks.

    Args:
        primary: what Azure's GET and list calls answered about the primary, by inventory key.
        secondary: the same of the secondary.
        twins: which thing is which.
        checks: the table.
    """
    here = _begin(primary, secondary, twins)
    rows = list(checks)
    for row in rows:
        here.row = row
        try:
            row.look(here)
        except NotCollected as fault:
            here.unread(fault)
    failed = {each.check for each in here.found}
    worth = {row.number: WEIGHTS[row.severity] for row in rows}
    passed = sum(weight for number, weight in worth.items() if number not in failed)
    order = list(Severity)
    findings = sorted(here.found, key=lambda each: (order.index(each.severity), each.check, each.path))
    blocked = any(each.severity is Severity.BLOCK for each in findings)
    return Readiness(
        ready=not blocked and not here.unknown,
        score=round(100 * passed / sum(worth.values())),
        checks=len(rows),
        findings=tuple(findings),
    )


def _begin(primary: Mapping[str, Any], secondary: Mapping[str, Any], twins: TwinMap) -> Comparison:
    tags = dig(primary, "_meta.tag"), dig(secondary, "_meta.tag")
    both = (tags[0], tags[1]) if isinstance(tags[0], str) and isinstance(tags[1], str) else None
    translate = Translator(twins, both)
    home = dig(primary, "hub.location")
    home = home if isinstance(home, str) else ""
    return Comparison(
        primary=HubInventory(primary, "primary"),
        secondary=HubInventory(secondary, "secondary"),
        twins=twins,
        translate=translate,
        region=translate.region(home) if twins.regions else str(dig(secondary, "_meta.region") or ""),
        primary_region=home,
        now=read_time(dig(secondary, "_meta.observedAt")),
    )


def read_time(text: Any) -> datetime | None:
    """A time with its zone; None if a text is none."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _show(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
