"""What Azure knows of its own health, and when: Resource Health and Service Health of the simulated regions.

Both follow the regions' faults, late. Resource Health sees a resource that does not answer after minutes; an incident
is declared for a region after ``notice_delay``, which in reality was 17 to 169 minutes after the impact. Delays are in
seconds before the kernel's speed divides them. Faults that leave it unclear how the resource is (429, 401, 403, slow,
flaky) are not seen. While the observer's own network is in trouble (``observer``), what looks dead from there is not
dead, and neither service sees anything. What tests put in with ``say`` and ``announce`` stands beside all that.

How the real services word what they know of a regional outage differs from incident to incident; this is the shape of
their REST specifications (2025-05-01).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from orchestrator.simulator.arm.resources import stamp
from orchestrator.simulator.estate import Estate, Site
from orchestrator.simulator.faults import FaultKind, Faults
from orchestrator.simulator.services import Kernel

DEAD = frozenset({FaultKind.REFUSE, FaultKind.BLACK_HOLE, FaultKind.HANG, FaultKind.ERROR})
RESOURCE_DELAY = 300.0
NOTICE_DELAY = 2400.0
UPDATES = 1800.0
"""Seconds between two updates of an incident that goes on."""

MOST_UPDATES = 20
"""Updates listed of an incident at most. How many the real service lists is not documented."""

SERVICES = {
    "hub": "Azure Machine Learning",
    "jobs": "Azure Machine Learning",
    "inference": "Azure Machine Learning",
    "storage": "Storage",
    "keyvault": "Key Vault",
    "acr": "Container Registry",
    "logs": "Log Analytics",
    "control": "Azure Resource Manager",
}
"""What an incident calls the service behind a surface."""

DISPLAY = {"eastus2": "East US 2", "westus3": "West US 3", "northeurope": "North Europe"}
"""Display names of the usual regions; Service Health has no others."""

type Status = dict[str, Any]


class Episode(NamedTuple):
    """A time in which a surface of a region was dead. ``until`` is None while it is."""

    since: datetime
    until: datetime | None


@dataclass
class HealthBoard:
    """Everything that both services would answer at a moment. Used inside the serving loop only.

    Args:
        resource_delay: seconds until Resource Health sees that something changed.
        notice_delay: the same for Service Health.
    """

    kernel: Kernel
    estate: Estate
    faults: Faults
    resource_delay: float = RESOURCE_DELAY
    notice_delay: float = NOTICE_DELAY
    said: dict[str, Status] = field(default_factory=dict)
    """Properties of a status that was put in, by resource id in lower case; an empty one hides the resource."""

    announced: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Properties of an event that was put in, by tracking id."""

    _episodes: dict[tuple[str, str], list[Episode]] = field(default_factory=dict)
    _worldwide: dict[str, list[Episode]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.kernel.now()

    def note(self) -> None:
        """Write down what the faults now in force begin and end."""
        now, apparent = self.kernel.now(), _is_dead(self.faults.at(None, "observer"))
        for surface in SERVICES:
            world = self.faults.at(None, surface)
            _note(self._worldwide.setdefault(surface, []), _is_dead(world) and not apparent, now)
            for region in self.estate.regions:
                dead = _is_dead(self.faults.at(region, surface)) and not apparent
                _note(self._episodes.setdefault((region, surface), []), dead, now)

    def say(self, resource: str, state: str | None, **properties: Any) -> None:
        """Let Resource Health say this of a resource from now on; None hides it."""
        at = stamp(self.kernel.now())
        told = {"availabilityState": state, "summary": "", "occuredTime": at, "reportedTime": at, **properties}
        self.said[resource.lower()] = told if state is not None else {}

    def announce(self, tracking: str, **properties: Any) -> None:
        """Let Service Health list an event from now on, or change one that it lists."""
        self.announced[tracking] = {**self.announced.get(tracking, {}), **properties}

    def statuses(self, group: str) -> list[dict[str, Any]]:
        """The statuses of a resource group's resources."""
        self.note()
        sites = [site for site in self.estate.sites if site.resource_group.lower() == group.lower()]
        found = {
            resource.lower(): self._status(resource, site, surface)
            for resource, site, surface in _find_resources(sites)
        }
        here = f"/resourcegroups/{group.lower()}/"
        found |= {key: _show(key, told) for key, told in self.said.items() if here in key}
        return [status for key, status in found.items() if self.said.get(key) != {}]

    def events(self) -> list[dict[str, Any]]:
        """Every event, newest update first."""
        self.note()
        found = [event for region in self.estate.regions for event in self._incidents(region)]
        found += [_event(tracking, properties) for tracking, properties in self.announced.items()]
        return sorted(found, key=lambda event: str(event["properties"].get("lastUpdateTime")), reverse=True)

    def _status(self, resource: str, site: Site, surface: str) -> dict[str, Any]:
        late, now = self._late(self.resource_delay), self.kernel.now()
        state, at = "Available", self.began
        for episode in self._episodes.get((site.region, surface), ()):
            if episode.since + late <= now:
                state, at = "Unavailable", episode.since
            if episode.until is not None and episode.until + late <= now:
                state, at = "Available", episode.until
        told = {"availabilityState": state, "occuredTime": stamp(at), "reportedTime": stamp(now)}
        if state == "Unavailable":
            told |= {"reasonType": "Unplanned", "context": "Platform Initiated", "category": "Unplanned"}
        return _show(resource, {"title": state, "summary": "", **told}, site.region)

    def _incidents(self, region: str) -> Iterator[dict[str, Any]]:
        """One incident for each time in which something of a region was dead without a break."""
        late, now = self._late(self.notice_delay), self.kernel.now()
        for number, (span, surfaces) in enumerate(_join(self._episodes, region)):
            if span.since + late > now:
                continue
            end = span.until + late if span.until is not None and span.until + late <= now else None
            updates = self._updates(span.since + late, end or now, over=end is not None)
            worldwide = any(_covers(self._worldwide.get(surface, ()), span) for surface in surfaces)
            place = "Global" if worldwide else DISPLAY.get(region, region)
            tracking = str(uuid5(NAMESPACE_URL, f"{self.kernel.seed}/{'world' if worldwide else region}/{number}"))
            services = sorted({SERVICES[s] for s in surfaces})
            told = {
                "title": f"{'RESOLVED' if end else 'ACTIVE'}: {place}",
                "summary": updates[0]["summary"],
                "status": "Resolved" if end else "Active",
                "eventType": "ServiceIssue",
                "eventLevel": "Error" if len(surfaces) > 1 else "Warning",
                "impactStartTime": stamp(span.since),
                "lastUpdateTime": updates[0]["updateDateTime"],
                "impact": impact_on(services, [place], over=end is not None, updates=updates),
            }
            if end and span.until:
                told["impactMitigationTime"] = stamp(span.until)
            yield _event(f"{tracking[:4]}-{tracking[9:12]}".upper(), told)

    def _updates(self, published: datetime, until: datetime, *, over: bool) -> list[dict[str, Any]]:
        """Updates of an incident, newest first: at its publication, in even steps after that, and at its end."""
        every = self._late(UPDATES)
        rounds = range(max(0, (until - published) // every - MOST_UPDATES), (until - published) // every + 1)
        found = [(published + number * every, "An outage is being investigated.") for number in rounds]
        if over:
            found = [*(each for each in found if each[0] < until), (until, "The issue has been mitigated.")]
        return [{"summary": said, "eventTags": [], "updateDateTime": stamp(at)} for at, said in reversed(found)]

    def _late(self, seconds: float) -> timedelta:
        return timedelta(seconds=seconds / self.kernel.speed)


def impact_on(
    services: list[str], regions: list[str], *, over: bool = False, updates: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """An event's impact: every service in every region, with the same updates."""
    told = {"status": "Resolved" if over else "Active", "impactedSubscriptions": [], "updates": list(updates)}
    there = [{"impactedRegion": region, **told} for region in regions]
    return [{"impactedService": service, "impactedRegions": there} for service in services]


def _is_dead(fault: Any) -> bool:
    return fault is not None and fault.whole and fault.kind in DEAD


def _note(episodes: list[Episode], dead: bool, now: datetime) -> None:
    is_open = bool(episodes) and episodes[-1].until is None
    if dead and not is_open:
        episodes.append(Episode(now, None))
    elif is_open and not dead:
        episodes[-1] = Episode(episodes[-1].since, now)


def _join(episodes: dict[tuple[str, str], list[Episode]], region: str) -> list[tuple[Episode, frozenset[str]]]:
    """Times that overlap become one, with every surface that was dead in it."""
    found: list[tuple[Episode, frozenset[str]]] = []
    listed = [(each, surface) for (there, surface), all_of in episodes.items() if there == region for each in all_of]
    for each, surface in sorted(listed, key=lambda item: item[0].since):
        last = found[-1] if found else None
        if last is None or (last[0].until is not None and last[0].until < each.since):
            found.append((each, frozenset({surface})))
            continue
        ends = [last[0].until, each.until]
        until = None if None in ends else max(end for end in ends if end is not None)
        found[-1] = (Episode(last[0].since, until), last[1] | {surface})
    return found


def _covers(worldwide: Any, span: Episode) -> bool:
    return any(each.since <= span.since and (each.until is None or each.until >= span.since) for each in worldwide)


def _find_resources(sites: list[Site]) -> Iterator[tuple[str, Site, str]]:
    """What Resource Health has a status for. Container registries and Azure ML's workspaces are not among it."""
    for site in sites:
        yield site.storage_id, site, "storage"
        yield site.keyvault_id, site, "keyvault"
        yield site.logs_id, site, "logs"


def _show(resource: str, properties: Status, location: str = "") -> dict[str, Any]:
    return {
        "id": f"{resource}/providers/Microsoft.ResourceHealth/availabilityStatuses/current",
        "name": "current",
        "type": "Microsoft.ResourceHealth/AvailabilityStatuses",
        "location": location,
        "properties": properties,
    }


def _event(tracking: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"/providers/Microsoft.ResourceHealth/events/{tracking}",
        "name": tracking,
        "type": "/providers/Microsoft.ResourceHealth/events",
        "properties": {"eventSource": "ServiceHealth", "isHIR": False, **properties},
    }
