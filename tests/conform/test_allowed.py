"""The list of allowed differences, and what the command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform import __main__ as command
from conform.allowed import Allowance, BadList, left_over, read_list
from conform.exchanges import Reference


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_line_is_covered_by_its_pattern_and_by_no_other() -> None:
    """Brackets are letters, a star stands for anything."""
    lines = ["GET a | answer | .x[0]: extra", "GET b | answer | .y: missing"]
    left, unused = left_over(lines, [Allowance("GET a | * | .x[0]: extra", "why")])
    assert (left, unused) == (["GET b | answer | .y: missing"], [])


def test_an_entry_that_matches_nothing_is_told_unless_it_depends_on_timing() -> None:
    """A list that only grows hides what was mended."""
    old, rare = Allowance("GET old", "why"), Allowance("GET rare", "why", sometimes=True)
    assert left_over(["GET x"], [old, rare]) == (["GET x"], [old])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[allow]]\nline = 'x'", "allow[1].reason: a text was expected, got None"),
        ("[[allow]]\nline = 'x'\nreason = ' '", "allow[1].reason: a text was expected"),
        ("[[allow]]\nreason = 'x'", "allow[1].line: a text was expected"),
        ("[[allow]]\nline = 'x'\nreason = 'y'\nsometimes = 1", "allow[1].sometimes: true or false was expected, got 1"),
        ("[[allow", "list.toml"),
    ],
)
def test_an_entry_without_a_reason_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """And so is a list that cannot be read."""
    with pytest.raises(BadList) as refused:
        read_list(write(tmp_path / "list.toml", text))
    assert said in str(refused.value)


def test_the_projects_own_list_can_be_read() -> None:
    """Each of its entries has a reason."""
    assert all(entry.reason for entry in read_list(command.LIST))


def test_without_types_the_command_says_that_it_did_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its status is not that of success."""
    assert command.main(["--wire", str(tmp_path)]) == command.NOTHING_DONE
    assert "NOTHING WAS CHECKED" in capsys.readouterr().out


def test_a_bad_list_is_told_before_anything_runs(
    wire: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the entry."""
    bad = write(tmp_path / "list.toml", "[[allow]]\nline = 'x'")
    assert command.main(["--wire", str(wire), "--list", str(bad)]) == command.BROKEN
    assert "allow[1].reason" in capsys.readouterr().err


def test_differences_and_entries_of_no_use_fail_the_command(
    wire: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make_exchange: object
) -> None:
    """Each on a line of its own; with a list that fits, the status is success."""
    assert callable(make_exchange)
    exchanges = [make_exchange(headers={"content-type": "application/json"})]
    line = "GET resource-manager workspaces/*/boats/* | answer | header x-wind: missing"
    useless = write(tmp_path / "list.toml", "[[allow]]\nline = 'GET nothing'\nreason = 'old'")
    useful = write(tmp_path / "good.toml", f"[[allow]]\nline = '{line}'\nreason = 'calm'")
    reference = Reference(wire)
    assert command.judge(exchanges, reference, read_list(useless)) == command.DIFFERENT
    out = capsys.readouterr().out
    assert f"{line}   (1 times)" in out
    assert "matches nothing any more: GET nothing" in out
    assert command.judge(exchanges, reference, read_list(useful)) == command.OK
