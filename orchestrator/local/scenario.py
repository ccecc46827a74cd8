"""Scenario files: an outage, or a trap, with what a probe would have found, what was delivered, and what is expected.

Loading is strict: an unknown field, a wrong type or a contradiction is refused with file, line, field and what
was expected.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from orchestrator.core.base.codec import Moment, Value, from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.regions import GLOBAL, region_named
from orchestrator.core.base.strict_yaml import line_of, yaml_from
from orchestrator.core.base.vocabulary import Mode, NoticeName, Role, Surface
from orchestrator.core.decision.commands import Do
from orchestrator.core.plan.load import with_durations
from orchestrator.core.plan.policy import Policy, check_policy
from orchestrator.plan_files import text_of

WORLD_KEYS = frozenset(
    {
        f"{role}.{surface}"
        for role in Role
        for surface in Surface
        if surface not in {Surface.OBSERVER, Surface.ELSEWHERE}
    }
    | {Surface.OBSERVER.value, Surface.ELSEWHERE.value}
)

Count = Annotated[int, msgspec.Meta(ge=0)]


class Condition(StrEnum):
    """What a probe would find."""

    OK = "ok"
    BAD = "bad"
    BLIND = "blind"
    FLAKY = "flaky"
    """Every second probe is bad."""


class ScenarioOutcome(StrEnum):
    FAILOVER = "failover"
    HOLD = "hold"


class Side(Value, kw_only=True):
    region: str


class WorldChange(Value, kw_only=True):
    """A change of the world."""

    at: Moment
    set: dict[str, Condition]


class Delivery(Value, kw_only=True):
    """A body that is delivered: given here, or in a file beside the scenario."""

    at: Moment
    body: Any = None
    file: str | None = None


class Action(Value, kw_only=True):
    """What a person does."""

    at: Moment
    do: Do
    reason: str = ""
    force: bool = False


class Expectation(Value, kw_only=True):
    outcome: ScenarioOutcome
    failover_after: Moment | None = None
    failover_by: Moment | None = None
    max_failovers: Count | None = None
    min_failovers: Count | None = None
    no_failback_before: Moment | None = None
    failback_by: Moment | None = None
    told: tuple[NoticeName, ...] = ()
    """Notices that must be among those told."""


class Scenario(Value, kw_only=True):
    name: str
    about: str = ""
    start: Moment
    end: Moment
    primary: Side
    secondary: Side
    policy: dict[str, Any] = msgspec.field(default_factory=dict)
    """Overrides of the default policy, by field name."""

    world: tuple[WorldChange, ...] = ()
    events: tuple[Delivery, ...] = ()
    operator: tuple[Action, ...] = ()
    expect: Expectation


def load_scenario(path: Path) -> Scenario:
    """The scenario that a file holds, with the bodies of the files that it names.

    Raises:
        InvalidInput: names file and line, field, what was expected and what was found.
    """
    where = str(path)
    text = text_of(path, where)
    raw = yaml_from(text, where)
    if not isinstance(raw, dict):
        raise InvalidInput(where, "", "a mapping with name, start, end, primary, …", type(raw).__name__)
    try:
        return _check(from_builtins(with_zone(raw), Scenario, where), path)
    except InvalidInput as fault:
        line = line_of(text, fault.field)
        place = f"{where}:{line}" if line and fault.where == where else fault.where
        raise InvalidInput(place, fault.field, fault.expected, fault.got) from fault


def policy_of(scenario: Scenario, where: str, base: Policy | None = None) -> Policy:
    """The scenario's policy over a base, which is the default in mode ``auto`` unless a plan gives one.

    Raises:
        InvalidInput: an unknown field, a wrong type, or fields that contradict each other.
    """
    given = with_durations(scenario.policy, Policy, where, "policy")
    plain = msgspec.to_builtins(base or Policy(mode=Mode.AUTO), builtin_types=(datetime,))
    try:
        policy = from_builtins(plain | msgspec.to_builtins(given, builtin_types=(datetime,)), Policy, where)
    except InvalidInput as fault:
        raise InvalidInput(where, f"policy.{fault.field}".rstrip("."), fault.expected, fault.got) from fault
    return check_policy(_consistent(policy, scenario.policy), where)


def _consistent(policy: Policy, given: dict[str, Any]) -> Policy:
    """What a scenario leaves unsaid follows what it says: a shorter wait shortens what must not be longer.

    Nobody holds drills in a scenario, so none is asked for.
    """
    changes: dict[str, Any] = {}
    if "confirm_after_notice" not in given:
        changes["confirm_after_notice"] = min(policy.confirm_after_notice, policy.confirm_after)
    if "green_drills" not in given:
        changes["green_drills"] = 0
    if "suspect_interval" not in given:
        changes["suspect_interval"] = min(policy.suspect_interval, policy.probe_interval)
    return msgspec.structs.replace(policy, **changes)


def with_zone(value: Any) -> Any:
    """Times without a zone are UTC, as YAML has it, but for windows that repeat: those have a zone of their own."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return value if "rule" in value else {key: with_zone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_zone(item) for item in value]
    return value


def _check(scenario: Scenario, path: Path) -> Scenario:
    where = str(path)

    def must(holds: bool, field: str, expected: str, got: object) -> None:
        if not holds:
            raise InvalidInput(where, field, expected, str(got))

    must(scenario.start < scenario.end, "end", "a time after start", scenario.end)
    for role in Role:
        region = scenario.primary.region if role is Role.PRIMARY else scenario.secondary.region
        must(region_named(region) == region != GLOBAL, f"{role}.region", "a canonical region name", repr(region))
    must(
        scenario.primary.region != scenario.secondary.region,
        "secondary.region",
        "another region",
        scenario.secondary.region,
    )
    for n, turn in enumerate(scenario.world):
        for key in turn.set:
            must(key in WORLD_KEYS, f"world[{n}].set", "keys <side>.<surface>, observer or elsewhere", repr(key))
    policy_of(scenario, where)
    events = tuple(_with_body(event, path, f"events[{n}]") for n, event in enumerate(scenario.events))
    return msgspec.structs.replace(scenario, events=events)


def _with_body(event: Delivery, path: Path, field: str) -> Delivery:
    if event.file is None:
        if event.body is None:
            raise InvalidInput(str(path), field, "a body, or a file", "neither")
        return event
    if event.body is not None:
        raise InvalidInput(str(path), field, "a body, or a file", "both")
    beside = path.parent / event.file
    try:
        body = json.loads(text_of(beside, str(path)))
    except InvalidInput as fault:
        raise InvalidInput(
            str(path), f"{field}.file", "a file that can be read", f"{event.file}: {fault.got}"
        ) from fault
    except ValueError as fault:
        raise InvalidInput(str(path), f"{field}.file", "a file of JSON", f"{beside}: {fault}") from fault
    return msgspec.structs.replace(event, body=body)
