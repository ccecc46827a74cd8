"""Settings come from the environment once; wrong ones are refused by name, with what was expected."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.settings import CredentialKind, Settings, settings_from

ROOT = Path(__file__).parents[1]
LEAST = {"HUBSWITCH_PLANS": "plans"}


def test_without_anything_but_plans_the_defaults_hold() -> None:
    """One setting is enough to start."""
    assert settings_from(LEAST) == Settings(plans="plans")


def test_every_setting_can_be_given() -> None:
    """Each field is the variable of its name; durations as people write them."""
    given = settings_from(
        {
            **LEAST,
            "HUBSWITCH_CREDENTIAL": "default",
            "HUBSWITCH_EXECUTOR_CLIENT_ID": "e",
            "HUBSWITCH_PROBE_CLIENT_ID": "p",
            "HUBSWITCH_RESOURCE_MANAGER": "https://management.usgovcloudapi.net",
            "HUBSWITCH_CONNECT_TIMEOUT": "500ms",
            "HUBSWITCH_READ_TIMEOUT": "1m",
            "HUBSWITCH_PROBE_TIMEOUT": "1.5s",
            "HUBSWITCH_RETRY_SLEEP": "0s",
            "HUBSWITCH_WATCH_SCHEDULE": "*/5 * * * * *",
            "HUBSWITCH_RECONCILE_SCHEDULE": "0 */2 * * * MON-FRI",
            "HUBSWITCH_REPLICATE_SCHEDULE": "0 */3 * * * *",
        }
    )
    assert given == Settings(
        plans="plans",
        credential=CredentialKind.DEFAULT,
        executor_client_id="e",
        probe_client_id="p",
        resource_manager="https://management.usgovcloudapi.net",
        connect_timeout=timedelta(milliseconds=500),
        read_timeout=timedelta(minutes=1),
        probe_timeout=timedelta(seconds=1.5),
        retry_sleep=timedelta(),
        watch_schedule="*/5 * * * * *",
        reconcile_schedule="0 */2 * * * MON-FRI",
        replicate_schedule="0 */3 * * * *",
    )


def test_region_and_name_are_those_that_azure_says_unless_given() -> None:
    """App Service tells both; a region that nobody knows is none, and no reason not to start."""
    azure = {"REGION_NAME": "North Europe", "WEBSITE_SITE_NAME": "func-hubswitch-ne"}
    found = settings_from(LEAST | azure)
    assert (found.region, found.stamp) == ("northeurope", "func-hubswitch-ne")
    given = settings_from(LEAST | azure | {"HUBSWITCH_REGION": "westus", "HUBSWITCH_STAMP": "b"})
    assert (given.region, given.stamp) == ("westus", "b")
    assert settings_from(LEAST | {"REGION_NAME": "Atlantis"}).region == ""


def test_a_slow_watch_lets_followers_wait_longer_unless_it_is_said_how_long() -> None:
    """A lead is renewed at each tick: a deployment with a slow one starts as before."""
    slow = LEAST | {"HUBSWITCH_WATCH_SLOT": "30s"}
    assert settings_from(slow).take_over_after == timedelta(minutes=3)
    assert settings_from(LEAST | {"HUBSWITCH_WATCH_SLOT": "5s"}).take_over_after == timedelta(minutes=1)
    assert settings_from(slow | {"HUBSWITCH_TAKE_OVER_AFTER": "90s"}).take_over_after == timedelta(seconds=90)


def test_an_empty_text_is_as_good_as_none() -> None:
    """The sample file lists every setting, most of them empty."""
    assert settings_from({**LEAST, "HUBSWITCH_PROBE_CLIENT_ID": ""}) == Settings(plans="plans")


@pytest.mark.parametrize("environment", [{}, {"HUBSWITCH_PLANS": ""}], ids=["missing", "empty"])
def test_without_plans_there_is_nothing_to_do(environment: dict[str, str]) -> None:
    """The one setting that has no default."""
    with pytest.raises(InvalidInput) as refused:
        settings_from(environment)
    assert str(refused.value) == (
        "environment: HUBSWITCH_PLANS: expected a folder of plans, or one plan file, got nothing"
    )


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("CREDENTIAL", "secret", "managed-identity or default"),
        ("CONNECT_TIMEOUT", "2", "a duration such as 30s, 5m or 12h"),
        ("READ_TIMEOUT", "0s", "a duration above zero"),
        ("PROBE_TIMEOUT", "0ms", "a duration above zero"),
        ("RETRY_SLEEP", "-1s", "a duration such as 30s, 5m or 12h"),
        ("RESOURCE_MANAGER", "http://management.azure.com", "an https URL"),
        ("CA_BUNDLE", "/not/there.pem", "a PEM file that is there"),
        ("WATCH_SCHEDULE", "every ten seconds", "an NCRONTAB such as */10 * * * * *"),
        ("WATCH_SCHEDULE", "* * *", "an NCRONTAB such as */10 * * * * *"),
        ("REGION", "Atlantis", "the name of an Azure region"),
        ("STAMP", "a/b", "letters, digits and hyphens, at most 60"),
        ("TAKE_OVER_AFTER", "29s", "at least 3 times HUBSWITCH_WATCH_SLOT, which is 0:00:10"),
        ("RECONCILE_SCHEDULE", "00:01:00", "an NCRONTAB such as */10 * * * * *"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(variable: str, text: str, expected: str) -> None:
    """Nothing is repaired, nothing falls back to a default."""
    with pytest.raises(InvalidInput) as refused:
        settings_from({**LEAST, f"HUBSWITCH_{variable}": text})
    fault = refused.value
    assert (fault.where, fault.field, fault.expected) == ("environment", f"HUBSWITCH_{variable}", expected)
    assert fault.got


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HUBSWITCH_PLAN", "HUBSWITCH_PLANS"),
        ("HUBSWITCH_PROBE_TIMOUT", "HUBSWITCH_PROBE_TIMEOUT"),
        ("HUBSWITCH_EXECUTOR_CLIENTID", "HUBSWITCH_EXECUTOR_CLIENT_ID"),
    ],
)
def test_a_slip_of_the_pen_is_refused_with_what_was_meant(written: str, meant: str) -> None:
    """It would otherwise be a setting that silently is not set."""
    with pytest.raises(InvalidInput) as refused:
        settings_from({**LEAST, written: "1s"})
    assert (refused.value.field, refused.value.expected) == (written, meant)


@pytest.mark.parametrize("name", ["HUBSWITCH_TASK_HUB", "HUBSWITCH_URL", "HUBSWITCH_KEY", "HUBSWITCH_DEEP"])
def test_what_others_call_with_our_prefix_is_left_alone(name: str) -> None:
    """The task hub's name is read by the host, others by our own commands."""
    assert settings_from({**LEAST, name: "something"}) == Settings(plans="plans")


def test_the_sample_file_is_accepted_and_names_every_setting() -> None:
    """Who copies it starts; who reads it sees all there is."""
    sample = msgspec.json.decode((ROOT / "local.settings.sample.json").read_bytes())["Values"]
    named = {name.removeprefix("HUBSWITCH_").casefold() for name in sample if name.startswith("HUBSWITCH_")}
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert named - {"task_hub"} == fields
    assert settings_from(sample) == Settings(plans=sample["HUBSWITCH_PLANS"], credential=CredentialKind.DEFAULT)
