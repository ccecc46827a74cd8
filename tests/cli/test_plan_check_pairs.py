"""`hubswitch plan check` on plans that order each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.main import status_of
from orchestrator.core.base.errors import InvalidInput
from orchestrator.plan_files import groups_in, plans_in

PLAN = (Path(__file__).parents[1] / "core" / "plan" / "plan_without_steps.yaml").read_text(encoding="utf-8")


def write(folder: Path, pair: str, *ordered: str, failback: str = "", text: str = PLAN) -> Path:
    """A plan that orders others, each within ten minutes."""
    steps = [f"    - {{name: then-{n}, kind: run_pair, pair: {each}, timeout: 10m}}" for n, each in enumerate(ordered)]
    back = f"\n  failback:\n    - {{kind: run_pair, pair: {failback}, timeout: 10m}}" if failback else ""
    named = text.replace("pair: vision", f"pair: {pair}").replace("proj-vision-eastus2", f"proj-{pair}-eastus2")
    tail = "\n".join(["", "steps:", "  failover:", *steps, "    - {kind: move_jobs}"])
    file = folder / f"{pair}.yaml"
    file.write_text(named + tail + back + "\n", encoding="utf-8")
    return file


def report(capsys: pytest.CaptureFixture[str], *places: Path) -> tuple[int, list[Any], list[Any]]:
    """Status; name of the file, field and what was got of each fault and each warning."""
    status = status_of(["plan", "check", "--json", *map(str, places)])
    said = json.loads(capsys.readouterr().out)

    def lines(kind: str) -> list[Any]:
        return [(Path(each["file"]).name, each["field"], each["got"]) for each in said[kind]]

    return status, lines("faults"), [each for each in lines("warnings") if each[1].startswith("steps")]


def test_plans_that_order_each_other_in_a_line_are_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the way back goes the other way round: no direction has a circle."""
    write(tmp_path, "a", "b")
    write(tmp_path, "b", "c", failback="a")
    write(tmp_path, "c")
    assert report(capsys, tmp_path) == (0, [], [])
    assert set(plans_in(tmp_path)) == {"a", "b", "c"}


def test_a_pair_that_no_plan_is_for_is_a_fault_in_a_folder_and_none_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file alone does not tell which pairs there are. The nearest name is offered, with the place."""
    file = write(tmp_path, "billing", "speach")
    write(tmp_path, "speech")
    status, faults, _ = report(capsys, tmp_path)
    assert (status, faults) == (2, [("billing.yaml", "steps.failover[0].pair", "'speach'")])
    assert status_of(["plan", "check", str(tmp_path)]) == 2
    line = capsys.readouterr().err
    number = 1 + next(n for n, row in enumerate(file.read_text().splitlines()) if "speach" in row)
    column = 1 + file.read_text().splitlines()[number - 1].index("speach")
    assert f"{file}:{number}:{column}: steps.failover[0].pair: expected the pair of another plan in the folder" in line
    assert "(did you mean speech?)" in line
    assert report(capsys, file)[:2] == (0, [])
    with pytest.raises(InvalidInput, match=r"steps\.failover\[0\]\.pair"):
        plans_in(tmp_path)


def test_what_a_faulty_neighbour_hides_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its pair may be the one that is missing."""
    write(tmp_path, "a", "b")
    (tmp_path / "b.yaml").write_text("schema: [", encoding="utf-8")
    assert [fault[0] for fault in report(capsys, tmp_path)[1]] == ["b.yaml"]
    write(tmp_path, "b").write_text(PLAN.replace("pair: vision", "pair: B"), encoding="utf-8")
    assert ("b.yaml", "pair", "B") in (found := report(capsys, tmp_path)[1])
    assert [fault[0] for fault in found].count("a.yaml") == 0


def test_a_pair_that_orders_itself_is_a_fault_wherever_it_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, and not as a circle besides. A name that no pair can have is one, too."""
    file = write(tmp_path, "a", "a", "Not_a_pair")
    expected = [
        ("a.yaml", "steps.failover[0].pair", "a, which is the plan's own"),
        ("a.yaml", "steps.failover[1].pair", "'Not_a_pair'"),
    ]
    assert report(capsys, file)[:2] == (2, expected)
    assert report(capsys, tmp_path)[:2] == (2, expected)


def test_a_circle_over_several_plans_is_told_at_each_of_its_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the whole way round. A plan that only leads into the circle has no fault."""
    write(tmp_path, "a", "b")
    write(tmp_path, "b", "c")
    write(tmp_path, "c", "a")
    write(tmp_path, "d", "a")
    status, faults, _ = report(capsys, tmp_path)
    assert (status, faults) == (
        2,
        [
            ("a.yaml", "steps.failover[0].pair", "a orders b orders c orders a"),
            ("b.yaml", "steps.failover[0].pair", "b orders c orders a orders b"),
            ("c.yaml", "steps.failover[0].pair", "c orders a orders b orders c"),
        ],
    )
    both = [tmp_path / f"{pair}.yaml" for pair in "abc"]
    assert report(capsys, *both)[1] == faults
    with pytest.raises(InvalidInput, match="no circle"):
        plans_in(tmp_path)


def test_what_is_legal_and_unwise_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs that wait without an end; a second person; a pair that would go where the first one leaves."""
    file = write(tmp_path, "a", "b", "c")
    file.write_text(file.read_text().replace("pair: b, timeout: 10m", "pair: b"), encoding="utf-8")
    write(tmp_path, "b", text=PLAN.replace("mode: approve", "mode: approve\n  second_person: true"))
    swapped = PLAN.replace("region: eastus2", "region: X").replace("region: westus3", "region: eastus2")
    write(tmp_path, "c", text=swapped.replace("region: X", "region: westus3"))
    status, faults, warnings = report(capsys, tmp_path)
    assert (status, faults) == (0, [])
    assert warnings == [
        ("a.yaml", "steps.failover[0].timeout", "none: the jobs of a wait for b for as long as it takes"),
        ("a.yaml", "steps.failover[0].pair", "b with policy.second_person"),
        ("a.yaml", "steps.failover[1].pair", "c"),
    ]


GROUP = "schema: 1\nkind: group\nname: {name}\npairs: [{{pair: {first}}}, {{pair: b, after: [{first}]}}]\n"


def test_a_group_stands_beside_the_plans_of_its_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is checked and described with them, and is no plan: neither to the check nor to the app."""
    for pair in "ab":
        write(tmp_path, pair)
    file = tmp_path / "group.yaml"
    file.write_text(GROUP.format(name="all", first="a"), encoding="utf-8")
    assert status_of(["plan", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("\n  a\n  b, after a\n")
    plans = plans_in(tmp_path)
    assert set(plans) == {"a", "b"}
    assert set(groups_in(tmp_path, plans)) == {"all"}


def test_an_unknown_pair_of_a_group_is_a_fault_in_a_folder_and_none_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so is a second group of the same name."""
    for pair in "ab":
        write(tmp_path, pair)
    file = tmp_path / "group.yaml"
    file.write_text(GROUP.format(name="all", first="x"), encoding="utf-8")
    (tmp_path / "z.yaml").write_text(GROUP.format(name="all", first="a"), encoding="utf-8")
    expected = [("group.yaml", "pairs[0].pair", "'x'"), ("z.yaml", "name", "all")]
    assert report(capsys, tmp_path)[:2] == (2, expected)
    assert report(capsys, file)[:2] == (0, [])
    with pytest.raises(InvalidInput, match=r"pairs\[0\]\.pair"):
        groups_in(tmp_path, plans_in(tmp_path))
