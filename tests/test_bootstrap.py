"""A deployment is refused at start if anything in it is wrong, with file, line, field, expected and got."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.errors import InvalidInput
from orchestrator.plan_files import groups_in, plans_in

ROOT = Path(__file__).parents[1]
HOME = """
references: {home: westeurope}
"""
PLAN = """\
schema: 1
pair: research
primary:
  region: eastus2
  subscription: sub-1
  resource_group: rg-east
  hub: hub-east
  project: proj-east
  api: https://eastus2.api.azureml.ms
secondary:
  region: westus3
  subscription: sub-1
  resource_group: rg-west
  hub: hub-west
  project: proj-west
  api: https://westus3.api.azureml.ms
pointer:
  endpoint: https://pointer.azconfig.io
ledger:
  account: https://ledger.blob.core.windows.net
policy:
  mode: observe
"""

type Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes plans into one folder; gives the file."""

    def written(text: str = PLAN, name: str = "research.yaml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return written


def refused(place: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as fault:
        plans_in(place)
    return fault.value


def test_one_file_is_one_plan(write: Write) -> None:
    """Whatever the file is called."""
    assert list(plans_in(write(name="any.yml"))) == ["research"]


def test_a_folder_is_every_plan_in_it(write: Write) -> None:
    """By the name of its pair; other files are left alone."""
    write()
    write(PLAN.replace("research", "speech").replace("proj-", "speech-"), "speech.yaml")
    folder = write("no plan at all", "notes.txt").parent
    assert list(plans_in(folder)) == ["research", "speech"]


def test_the_plans_of_this_repository_are_accepted() -> None:
    """People copy them."""
    assert [list(plans_in(file)) for file in sorted((ROOT / "plans").glob("hot-*.yaml"))]
    assert list(groups_in(ROOT / "plans", plans_in(ROOT / "plans"))) == ["assistant"]


@pytest.mark.parametrize(
    ("change", "line", "field", "expected"),
    [
        (("schema: 1", "schema: 2"), 1, "schema", "the number 1"),
        (("pair: research", "pair: Research!"), 2, "pair", "lower-case letters, digits and hyphens, at most 63"),
        (("region: westus3", "region: eastus2"), 11, "secondary.region", "another region"),
        (("api: https://east", "api: http://east"), 9, "primary.api", "an https URL"),
        (("https://pointer", "http://pointer"), 18, "pointer.endpoint", "an https URL"),
        (("https://ledger", "ftp://ledger"), 20, "ledger.account", "an https URL"),
        (("mode: observe", "mode: brave"), 22, "policy.mode", "observe or approve or auto"),
        (("mode: observe", "cooldown: 5 minutes"), 22, "policy.cooldown", "a duration such as 30s, 5m or 12h"),
        (("mode: observe", "probe_interval: 0s"), 22, "policy.probe_interval", "a duration above zero"),
        (("mode: observe", "bad_after: 0"), 22, "policy.bad_after", "at least 1"),
        (("mode: observe", "suspect_interval: 2m"), 22, "policy.suspect_interval", "at most probe_interval"),
        (
            ("mode: observe", "confirm_after: 10s"),
            22,
            "policy.confirm_after",
            "at least (bad_after - 1) x suspect_interval",
        ),
        (("mode: observe", "confirm_after_notice: 1h"), 22, "policy.confirm_after_notice", "at most confirm_after"),
        (("mode: observe", "mass_limit: 0"), 22, "policy.mass_limit", "above 0 and at most 1"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused_with_its_place(
    write: Write, change: tuple[str, str], line: int | None, field: str, expected: str
) -> None:
    """File, line, field, what was expected and what was there; nothing is repaired."""
    assert PLAN.count(change[0]) == 1
    file = write(PLAN.replace(*change))
    fault = refused(file.parent)
    assert (fault.where, fault.field, fault.expected) == (f"{file}:{line}" if line else str(file), field, expected)
    assert fault.got


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("mode: observe", "mod: observe", 22, "policy.mod"),
        ("pair: research", "pair: research\npears: 2", 3, "pears"),
        ("  hub: hub-east\n", "", 3, "primary.hub"),
        ("region: eastus2", "region: 7", 4, "primary.region"),
    ],
)
def test_a_field_that_is_unknown_missing_or_of_another_kind_is_refused_with_its_place(
    write: Write, old: str, new: str, line: int, field: str
) -> None:
    """A misspelt field would be a wish that nobody hears."""
    assert PLAN.count(old) == 1
    file = write(PLAN.replace(old, new))
    fault = refused(file)
    assert (fault.where, fault.field) == (f"{file}:{line}", field)


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("- a list", ""), ("just text", ""), ("a: [", ":2"), ("a: b: c", ":1")]
)
def test_a_file_that_holds_no_plan_is_refused(write: Write, text: str, line: str) -> None:
    """By its name, and the line in which it stops being YAML."""
    file = write(text)
    assert refused(file).where == f"{file}{line}"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("region: eastus2", "region: East US 2", "primary.region"),
        ("region: eastus2", "region: atlantis", "primary.region"),
        ("pair: research\n", "pair: research\npair: research\n", ""),
    ],
)
def test_a_plan_that_can_only_fail_is_refused(write: Write, old: str, new: str, field: str) -> None:
    """Before anybody relies on it: regions by another name match no notice, and of two keys one is not heard."""
    assert PLAN.count(old) == 1
    assert refused(write(PLAN.replace(old, new))).field == field


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """By its name, not by a traceback."""
    file = tmp_path / "p.yaml"
    file.write_bytes(b"\xff\xfe\x00pair")
    assert (refused(file).where, refused(file).expected) == (str(file), "UTF-8 text")


def test_a_place_without_plans_is_refused(tmp_path: Path) -> None:
    """An empty folder, or one that is not there."""
    for place in (tmp_path, tmp_path / "nowhere"):
        assert (refused(place).where, refused(place).got) == (str(place), "none")


def test_two_plans_for_one_pair_are_refused(write: Write) -> None:
    """Which of them would hold?"""
    write()
    second = write(name="second.yaml")
    fault = refused(second.parent)
    assert (fault.where, fault.field, fault.got) == (str(second), "pair", "research")


def test_two_pairs_with_one_primary_are_refused(write: Write) -> None:
    """Both would submit the same jobs again: every job would run twice. Casing makes no difference."""
    write()
    second = write(PLAN.replace("pair: research", "pair: speech").replace("proj-east", "PROJ-east"), "second.yaml")
    fault = refused(second.parent)
    assert (fault.where, fault.field, fault.got) == (str(second), "primary.project", "that of research")


def test_two_pairs_that_mirror_each_other_are_refused(write: Write) -> None:
    """The project that stands by for one pair leads the other: both would record its jobs, and both would move them."""
    mirrored = PLAN.replace("pair: research", "pair: back")
    for one, other in (("primary:", "third:"), ("secondary:", "primary:"), ("third:", "secondary:")):
        mirrored = mirrored.replace(f"\n{one}", f"\n{other}")
    write(PLAN)
    with pytest.raises(InvalidInput) as caught:
        plans_in(write(mirrored, "second.yaml").parent)
    assert caught.value.field == "secondary.project"
    assert caught.value.expected == "a project that is no other pair's primary"


def test_two_pairs_may_share_a_secondary(write: Write) -> None:
    """One standby for several hubs is thrift, not a contradiction."""
    write()
    other = write(PLAN.replace("pair: research", "pair: speech").replace("proj-east", "proj-other"), "second.yaml")
    assert list(plans_in(other.parent)) == ["research", "speech"]


def test_a_relative_place_is_relative_to_the_app(write: Write) -> None:
    """Not to where the process happens to have been started."""
    folder = write().parent
    deployment = Deployment({"HUBSWITCH_PLANS": folder.name}, folder.parent)
    assert list(deployment.plans) == ["research"]


def test_an_absolute_place_is_what_it_is(write: Write) -> None:
    """Whatever the app's folder."""
    assert list(Deployment({"HUBSWITCH_PLANS": str(write())}, Path("/nowhere")).plans) == ["research"]


def test_ports_are_made_at_first_use_and_once(write: Write) -> None:
    """A worker that only answers a health check does not pay for the clients."""
    deployment = Deployment({"HUBSWITCH_PLANS": str(write())}, ROOT)
    assert "_world" not in vars(deployment)
    assert asyncio.run(deployment.assembled()) is deployment.world
    assert deployment.world.clock is deployment.clock


def test_what_lives_as_long_as_the_process_is_in_no_collection_of_garbage(write: Write) -> None:
    """A full collection of it keeps every request waiting. In another process: one freezes once, at its first ports."""
    program = (
        "import gc, sys; from pathlib import Path; from orchestrator.bootstrap import Deployment\n"
        "made = Deployment({'HUBSWITCH_PLANS': sys.argv[1]}, Path()); before = gc.get_freeze_count(); made.world\n"
        "gc.collect(); print(before, gc.get_freeze_count() > len(gc.get_objects()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(write())], cwd=ROOT, capture_output=True, text=True, timeout=600, check=True
    )
    assert ended.stdout.split() == ["0", "True"]


def test_closing_what_was_never_opened_does_nothing(write: Write) -> None:
    """A host may stop before the first look."""
    deployment = Deployment({"HUBSWITCH_PLANS": str(write())}, ROOT)
    asyncio.run(deployment.aclose())
    assert "_world" not in vars(deployment)


def imported(environment: dict[str, str], where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What becomes of importing the function app in another process."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("HUBSWITCH_")}
    program = "import function_app; print(sorted(function_app.deployment.plans))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=where,
        env=ours | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_plans_know_where_the_app_runs_unless_they_say_so_themselves(tmp_path: Path) -> None:
    """So that an incident in our own region is known for one."""
    (tmp_path / "a.yaml").write_text(PLAN)
    (tmp_path / "b.yaml").write_text(PLAN.replace("research", "vision").replace("proj-", "v-") + HOME)
    plans = Deployment({"HUBSWITCH_PLANS": ".", "REGION_NAME": "North Europe"}, tmp_path).plans
    assert [plan.references.home for plan in plans.values()] == ["northeurope", "westeurope"]


def test_the_function_app_without_plans_ends_with_one_clear_line() -> None:
    """Which setting, and what belongs in it."""
    ended = imported({})
    last = ended.stderr.splitlines()[-1]
    assert ended.returncode == 1
    assert last == (
        "orchestrator.core.base.errors.InvalidInput: "
        "environment: HUBSWITCH_PLANS: expected a folder of plans, or one plan file, got nothing"
    )


def test_the_function_app_finds_its_plans_wherever_it_is_started(tmp_path: Path) -> None:
    """A relative place is looked for beside function_app.py; Azure starts workers elsewhere."""
    ended = imported({"HUBSWITCH_PLANS": "plans/hot-warm.yaml"}, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("['")
