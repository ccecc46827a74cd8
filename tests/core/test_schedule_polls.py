"""When a pair is polled, what is asked, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from bodies import GROUP, STORAGE, SUB, resource_health

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Phase
from orchestrator.core.decision.state import BLIND_TOLD, Polled, initial
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import PollSchedule
from orchestrator.core.schedule import (
    PollReport,
    is_poll_due,
    is_poll_early,
    poll_urgency,
    subscriptions_of,
    with_health,
    worth_handing_over,
)
from orchestrator.core.signals.ownership import attribute
from orchestrator.core.signals.parse import facts_from

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
YAML = f"""\
schema: 1
pair: p
primary:
  region: westeurope
  subscription: {SUB}
  resource_group: rg-alpha
  hub: hub-alpha
  project: project-alpha
  api: https://westeurope.api.azureml.ms
  storage: https://stalpha.blob.core.windows.net
  keyvault: https://kv-alpha.vault.azure.net
  acr: https://cralpha.azurecr.io
  resources: [{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-alpha]
secondary:
  region: northeurope
  subscription: {SUB}
  resource_group: rg-beta
  hub: hub-beta
  project: project-beta
  api: https://northeurope.api.azureml.ms
  storage: https://stbeta.blob.core.windows.net
pointer:
  endpoint: https://p.azconfig.io
ledger:
  account: https://p.blob.core.windows.net
"""
PLAN = plan_from(YAML, "plan.yaml")
STATE = initial("p", NOW)
_replace = msgspec.structs.replace


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("phase", "last", "due"),
    [
        (Phase.STEADY, None, True),
        (Phase.STEADY, ago(minutes=4), False),
        (Phase.STEADY, ago(minutes=5), True),
        (Phase.SETTLED, ago(minutes=4), False),
        (Phase.SUSPECT, ago(seconds=30), False),
        (Phase.SUSPECT, ago(minutes=1), True),
        (Phase.AWAITING_APPROVAL, ago(minutes=1), True),
        (Phase.STEADY, ago(minutes=-3), True),
    ],
)
def test_a_pair_is_polled_every_five_minutes_and_every_minute_while_suspect(
    phase: Phase, last: datetime | None, due: bool
) -> None:
    """A moment that lies ahead is of a clock that went back, and stops nothing."""
    state = _replace(STATE, phase=phase)
    assert is_poll_due(state, PLAN, NOW, last) is due
    assert is_poll_due(_replace(state, polled=Polled(at=last)) if last else state, PLAN, NOW, None) is due


def test_the_later_of_memory_and_state_counts() -> None:
    """A process that has just begun knows from the state what another one has polled."""
    state = _replace(STATE, polled=Polled(at=ago(minutes=1)))
    assert not is_poll_due(state, PLAN, NOW, None)
    assert not is_poll_due(_replace(STATE, polled=Polled(at=ago(hours=1))), PLAN, NOW, ago(minutes=1))


def test_without_an_interval_nothing_is_polled() -> None:
    """Neither in quiet times nor while suspect."""
    off = _replace(PLAN, polls=PollSchedule(interval=None))
    assert not is_poll_due(STATE, off, NOW, None)
    assert not is_poll_due(_replace(STATE, phase=Phase.SUSPECT), off, NOW, None)


def test_a_state_is_not_read_while_it_could_not_make_a_poll_due() -> None:
    """A thousand pairs would be read every half minute for nothing."""
    assert is_poll_early(PLAN, NOW, ago(seconds=30))
    assert not is_poll_early(PLAN, NOW, ago(seconds=55))
    assert not is_poll_early(PLAN, NOW, ago(seconds=-1))


def test_suspect_pairs_take_their_turn_first_then_those_that_waited_longest() -> None:
    """Of a thousand pairs only some are polled by one tick."""
    states = [
        _replace(STATE, pair="recent", polled=Polled(at=ago(minutes=5))),
        _replace(STATE, pair="never"),
        _replace(STATE, pair="suspect", phase=Phase.SUSPECT, polled=Polled(at=ago(minutes=1))),
        _replace(STATE, pair="long ago", polled=Polled(at=ago(hours=5))),
    ]
    assert [state.pair for state in sorted(states, key=poll_urgency)] == ["suspect", "never", "long ago", "recent"]


def test_resources_are_asked_for_by_group_and_only_those_that_have_a_status() -> None:
    """Registries and Azure ML's own workspaces have none, so that they are unknown is nothing to tell."""
    group = f"/subscriptions/{SUB}/resourcegroups/rg-alpha"
    names = {group: [each.rpartition("/")[2] for each in found] for group, found in with_health(PLAN.primary).items()}
    assert names == {group: ["log-alpha", "stalpha", "kv-alpha"]}


def test_an_address_names_no_resource() -> None:
    """An endpoint that is given as an address tells nothing of the account behind it."""
    hub = _replace(PLAN.primary, storage="https://10.0.0.4:8443", keyvault=None, resources=())
    assert with_health(hub) == {}


def test_each_subscription_is_asked_once() -> None:
    """Both sides mostly lie in one, in whatever casing."""
    other = _replace(PLAN.secondary, subscription=SUB.upper())
    assert subscriptions_of(_replace(PLAN, secondary=other)) == (SUB,)


def test_what_can_no_longer_count_is_not_handed_over() -> None:
    """A subscription lists the advice of months; only what is older than two lifetimes is left out."""
    (fact,) = facts_from(resource_health("Unavailable", "PlatformInitiated"))
    (signal,) = attribute(fact, PLAN)
    old, young = _replace(signal, occurred_at=ago(minutes=121)), _replace(signal, occurred_at=ago(minutes=119))
    assert worth_handing_over([old, young], NOW, timedelta(minutes=60)) == (young,)


def test_what_is_kept_of_a_poll_is_small_however_much_was_not_learnt() -> None:
    """A state has to stay small; the number is kept in full."""
    kept = PollReport(asked=5000, blind=("x" * 5000,) * 5000).kept(NOW)
    assert (kept.asked, kept.blinds, len(kept.blind)) == (5000, 5000, BLIND_TOLD)
    assert len(encode(kept)) < 2048


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("polls: {interval: 0s}", "polls: expected durations above zero, or null for none"),
        ("polls: {suspect_interval: 0s}", "polls: expected durations above zero"),
        ("polls: {interval: often}", "polls.interval: expected a duration"),
        ("polls: {every: 5m}", "polls.every: expected a field that is known here"),
    ],
)
def test_a_cadence_that_makes_no_sense_is_refused_with_its_place(given: str, expected: str) -> None:
    """As everything in a plan."""
    with pytest.raises(InvalidInput) as refused:
        plan_from(f"{YAML}{given}\n", "plan.yaml")
    assert expected in str(refused.value)


def test_a_plan_turns_polls_off_with_null() -> None:
    """And slows them with a duration."""
    assert plan_from(f"{YAML}polls: {{interval: null}}\n", "plan.yaml").polls == PollSchedule(interval=None)
    slow = plan_from(f"{YAML}polls: {{interval: 1h, suspect_interval: 10m}}\n", "plan.yaml").polls
    assert slow == PollSchedule(interval=timedelta(hours=1), suspect_interval=timedelta(minutes=10))


def test_a_workspace_of_logs_is_named_by_its_guid() -> None:
    """An ARM id or a name is the easy mistake."""
    text = YAML.replace("  resources: ", f"  logs: {STORAGE}\n  resources: ")
    with pytest.raises(InvalidInput, match=r"primary\.logs: expected a workspace id, a GUID"):
        plan_from(text, "plan.yaml")
