"""What tags say about running a job again, and what a successor's tags say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.tags import add_origin_tags, policy_of, priority_of, runs_as_user

type MakeJob = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("word", list(JobPolicy))
def test_a_tag_names_the_policy(word: JobPolicy, command: MakeJob) -> None:
    """The three words of the plan."""
    assert policy_of(command(tags={"hubswitch.policy": word.value}), JobPolicy.ALWAYS) is word


@pytest.mark.parametrize("fields", [{}, {"tags": None}, {"tags": {}}, {"tags": {"policy": "never"}}])
def test_without_the_tag_the_default_counts(fields: dict[str, Any], command: MakeJob) -> None:
    """And the priority is 0."""
    body = command(**fields)
    assert (policy_of(body, JobPolicy.NEVER), priority_of(body)) == (JobPolicy.NEVER, 0)


@pytest.mark.parametrize("word", ["sometimes", "Never", " never", "", 3])
def test_an_unknown_policy_is_refused(word: Any, command: MakeJob) -> None:
    """A word that nobody knows never becomes a default."""
    with pytest.raises(InvalidInput, match=r"properties\.tags\.hubswitch\.policy"):
        policy_of(command(tags={"hubswitch.policy": word}), JobPolicy.ALWAYS)


@pytest.mark.parametrize(("word", "number"), [("5", 5), ("-3", -3), ("+7", 7), (12, 12), (" 2 ", 2)])
def test_a_tag_names_the_priority(word: Any, number: int, command: MakeJob) -> None:
    """A whole number, higher goes first."""
    assert priority_of(command(tags={"hubswitch.priority": word})) == number


@pytest.mark.parametrize("word", ["high", "1.5", "", "1e3", "٣", True, "9" * 30])
def test_a_priority_that_is_no_whole_number_is_refused(word: Any, command: MakeJob) -> None:
    """It would put the job at an arbitrary place."""
    with pytest.raises(InvalidInput, match=r"properties\.tags\.hubswitch\.priority"):
        priority_of(command(tags={"hubswitch.priority": word}))


def test_a_successor_is_stamped_with_its_origin(command: MakeJob) -> None:
    """The user's own tags stay, and so does the body that was given."""
    body = command(tags={"team": "x", "hubswitch.epoch": "1"})
    made = add_origin_tags(body, source="calm_sea", epoch=2, run="failover-p-e2")
    assert made["properties"]["tags"] == {
        "team": "x",
        "hubswitch.source": "calm_sea",
        "hubswitch.epoch": "2",
        "hubswitch.run": "failover-p-e2",
    }
    assert body["properties"]["tags"] == {"team": "x", "hubswitch.epoch": "1"}


@pytest.mark.parametrize("tags", [{}, None])
def test_a_job_without_tags_can_be_stamped(tags: Any, command: MakeJob) -> None:
    """Three tags and no more."""
    assert len(add_origin_tags(command(tags=tags), source="a", epoch=1, run="r")["properties"]["tags"]) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"identity": {"identityType": "UserIdentity"}},
        {"identity": {"identity_type": "user_identity"}},
        {"jobs": {"a": {"jobs": {"b": {"identity": {"type": "user_identity"}}}}}},
        {"jobs": {"a": {"component": {"identity": {"identity_type": "UserIdentity"}}}}},
    ],
)
def test_a_user_identity_anywhere_makes_a_job_run_as_its_user(fields: dict[str, Any], command: MakeJob) -> None:
    """Of the job, of a step, or of a component in it."""
    assert runs_as_user(command(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"identity": None},
        {"identity": {"identityType": "Managed"}},
        {"identity": {"identityType": "AMLToken"}},
        {"tags": {"identity": "UserIdentity"}},
        {"description": "UserIdentity"},
    ],
)
def test_other_identities_do_not(fields: dict[str, Any], command: MakeJob) -> None:
    """Nor does a text that says so."""
    assert not runs_as_user(command(**fields))
