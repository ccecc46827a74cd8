"""Hostile bodies: nothing raises, everything is answered, in bounded time and size."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
from bodies import cloud, grid, health_event, legacy, metric, resource_health, service_health
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stories import DEEP, START

from orchestrator.core.signals.facts import ElementKind
from orchestrator.core.signals.parse import facts_from, parse, parse_text

BODIES: list[dict[str, Any]] = [
    metric(),
    resource_health("Unavailable", "PlatformInitiated"),
    service_health(impactedServices='[{"ServiceName": "Storage", "ImpactedRegions": [{"RegionName": "West Europe"}]}]'),
    legacy(eventSource="ServiceHealth", properties={"region": "West US"}, eventTimestamp="2026-01-01T00:00:00Z"),
    grid("Microsoft.MachineLearningServices.RunStatusChanged", {"runId": "r"}),
    cloud("Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged", health_event("Available")),
    cloud("Microsoft.Resources.ResourceDeleteSuccess", {"resourceUri": "/subscriptions/x"}),
]

QUIET = [body for body in BODIES if not parse(body)[0].counts] + [metric("Sev4"), service_health(level="Informational")]
halves = st.sampled_from(["\ud83d", "half of \udd25", "\ud83d\ud83d"])
words = st.sampled_from(
    ["Active", "Unavailable", "PlatformInitiated", "Resolved", "Fired", "Sev0", "Incident", "global"]
)
times = st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00", "2026-13-45T99:00Z", "26-1-1"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | halves
    | words
    | times
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, item in items for leaf in leaves(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    head, *rest = path
    if isinstance(value, dict):
        return value | {head: replaced(value[head], tuple(rest), new)}
    return [replaced(item, tuple(rest), new) if n == head else item for n, item in enumerate(value)]


@settings(max_examples=300 * DEEP)
@given(st.sampled_from(BODIES), st.data(), anything)
def test_a_wrong_value_anywhere_raises_nothing(body: dict[str, Any], data: st.DataObject, strange: Any) -> None:
    """Any value of any body replaced by anything: one element, which can be printed."""
    path = data.draw(st.sampled_from(leaves(body)))
    broken = replaced(body, path, strange)
    if isinstance(broken, list):
        assert len(parse(broken)) == len(broken)
    else:
        (parsed,) = parse(broken)
        assert msgspec.json.decode(msgspec.json.encode(parsed))["kind"] in set(ElementKind)


@settings(max_examples=300 * DEEP)
@given(st.sampled_from(BODIES), st.data(), anything)
def test_a_wrong_value_anywhere_reads_the_same_from_text(
    body: dict[str, Any], data: st.DataObject, strange: Any
) -> None:
    """Over the wire, among good elements, behind a byte order mark: one answer for it, and the others as ever."""
    broken = replaced(body, data.draw(st.sampled_from(leaves(body))), strange)
    text = json.dumps([*BODIES, broken, *BODIES])
    usual = parse(BODIES)
    for posted in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        found = parse_text(posted)
        assert (found[: len(BODIES)], found[-len(BODIES) :], len(found)) == (usual, usual, 2 * len(BODIES) + 1)
        assert msgspec.json.decode(msgspec.json.encode(found[len(BODIES)]))["kind"] in set(ElementKind)


@given(st.sampled_from(BODIES), st.data(), st.binary(max_size=4))
def test_a_body_that_was_damaged_on_its_way_is_answered(body: dict[str, Any], data: st.DataObject, by: bytes) -> None:
    """Bytes replaced, lost or cut off anywhere: read or invalid, and never taken for evidence of more than it was."""
    whole = json.dumps(body).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 8)))
    rest = b"" if data.draw(st.booleans()) else whole[end:]
    assert all(isinstance(parsed.why, str) for parsed in parse_text(whole[:start] + by + rest))


@settings(max_examples=300 * DEEP)
@given(st.sampled_from(QUIET), st.data(), anything)
def test_a_value_of_a_wrong_type_never_makes_evidence(body: dict[str, Any], data: st.DataObject, strange: Any) -> None:
    """What did not count does not begin to. Texts and numbers are left out: some of them are words that count."""
    assume(not isinstance(strange, str | int))
    path = data.draw(st.sampled_from(leaves(body)))
    assert not any(parsed.counts for parsed in parse([replaced(body, path, strange)]))


@given(anything)
def test_any_json_is_answered_element_by_element(body: Any) -> None:
    """As many answers as elements, from text as from data."""
    text = json.dumps(body)
    assert len(parse_text(text)) == (len(body) if isinstance(body, list) else 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(body: bytes) -> None:
    """Bytes that are no JSON are one invalid element."""
    assert all(isinstance(parsed.why, str) for parsed in parse_text(body))


def test_python_values_that_json_does_not_have_raise_nothing() -> None:
    """A caller may hand over what it decoded itself."""
    strange = [
        START,
        {1, 2},
        b"x",
        object(),
        float("nan"),
        {"eventType": START, 3: 4, "id": {5}},
        {"type": "t", "data": object()},
    ]
    assert len(parse(strange)) == len(strange)


def test_ten_thousand_elements_are_read_in_a_moment() -> None:
    """Mixed bodies, every tenth of them broken."""
    dice = random.Random(7)  # noqa: S311 - a fixed mixture
    batch = [dice.choice(BODIES) if n % 10 else {"broken": n} for n in range(10_000)]
    facts = [fact for part in (batch[:5000], batch[5000:]) for fact in facts_from(part)]
    assert sum(fact.parsed.kind is ElementKind.INVALID for fact in facts) == 1_000


def test_a_megabyte_in_any_field_is_read_in_a_moment() -> None:
    """Endless names, ids, regions and service lists give bounded keys and reasons."""
    huge = "West Europe, " * 80_000
    many = [{"ServiceName": huge, "ImpactedRegions": [{"RegionName": huge}] * 10}] * 100
    for body in (
        service_health(region=huge, title=huge, trackingId=huge, service=huge),
        service_health(impactedServices=many),
        service_health(impactedServices=json.dumps(many[:1])),
        metric(alertRule=huge, originAlertId=huge, alertTargetIDs=[huge] * 10),
        grid(huge, {huge: huge}, subject=huge, topic=huge, id=huge),
    ):
        (parsed,) = parse(body)
        assert (len(parsed.dedupe_key) < 400, len(parsed.why) < 1_000) == (True, True)


def test_endless_nesting_is_invalid_or_read_but_never_raises() -> None:
    """As data and as text."""
    nested: Any = "x"
    for _ in range(900):
        nested = {"data": [nested]}
    assert len(parse({"eventType": "A.B", "data": nested})) == 1
    assert len(parse_text('{"eventType":"A.B","data":' * 50_000 + "1" + "}" * 50_000)) == 1
