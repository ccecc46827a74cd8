"""What is told of phases, holds and promises is complete, and drawn from the source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from orchestrator.core.base.notice_table import ROWS
from orchestrator.core.base.vocabulary import EvidenceClass, NoticeName, Phase
from orchestrator.core.decision import failback, holds
from orchestrator.core.decision.explain import CHANGES
from orchestrator.core.decision.transitions import as_mermaid
from orchestrator.core.jobs import record_changes

PROMISES = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "L1", "L2")
ADR_SECTIONS = ["Context", "Decision", "Consequences", "What would change it"]


def test_the_diagrams_of_phases_and_of_jobs_are_printed_from_their_tables(pages: dict[str, Any]) -> None:
    """Whoever adds a row copies ``as_mermaid()`` into the page."""
    drawn = [block for block in pages["docs/design.md"].blocks("mermaid") if block.startswith("stateDiagram")]
    assert drawn == [as_mermaid(), record_changes.as_mermaid()]


def test_the_runbook_knows_every_phase(pages: dict[str, Any]) -> None:
    """What it means, and what to do."""
    told = set(re.findall(r"^\| `([a-z_]+)` \|", pages["docs/runbook.md"].text, re.MULTILINE))
    assert {phase.value for phase in Phase} - told == set()


def test_the_runbook_knows_every_rule_and_hold(pages: dict[str, Any]) -> None:
    """The short names that the journal shows."""
    checked = {
        name
        for group in (holds.ALWAYS, holds.STANDBY, holds.AUTOMATIC_SWITCH, failback.AUTOMATIC_FAILBACK)
        for name, _, _ in group
    }
    assert (checked | set(CHANGES)) - set(pages["docs/runbook.md"].code) == set()


def test_every_notice_is_explained(pages: dict[str, Any]) -> None:
    """Whoever subscribes finds when each comes and what it asks of people, and none that is never sent."""
    row = r"^\| `Hubswitch\.(\w+)` \| (\w+) \| [^|]+ \| [^|]+ \|$"
    rows = re.findall(row, pages["docs/notices.md"].text, re.MULTILINE)
    assert sorted(rows) == sorted((row.name.value, row.severity.value) for row in ROWS)
    assert {row.name for row in ROWS} == set(NoticeName)


def test_the_readme_tells_of_every_class_of_evidence(pages: dict[str, Any]) -> None:
    """One row each in the table of how it decides."""
    told = set(re.findall(r"^\| `([a-z]+)` \|", pages["README.md"].text, re.MULTILINE))
    assert told == {each.value for each in EvidenceClass}


def test_every_promise_has_a_mechanism_and_tests(root: Path, pages: dict[str, Any]) -> None:
    """A promise without a test that shows it is a hope."""
    page = pages["docs/safety.md"].text
    sections = dict(re.findall(r"^## ([SL]\d): [^\n]*\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert tuple(sections) == PROMISES
    for promise, text in sections.items():
        assert "**How.**" in text, promise
        files = re.findall(r"`(tests/[\w/]+\.py)`", text.partition("**Shown by.**")[2])
        assert files, promise
        assert all((root / file).is_file() for file in files), promise


def test_every_test_that_is_named_exists(root: Path, pages: dict[str, Any]) -> None:
    """By its name, in whichever file."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py"))
    named = {word for page in pages.values() for word in page.code if re.fullmatch(r"test_\w+", word)}
    assert len(named) > 5
    assert sorted(name for name in named if f"def {name}(" not in tests) == []


def test_all_decisions_are_told_alike(pages: dict[str, Any]) -> None:
    """Numbered without a gap, with the same sections."""
    records = {name: page for name, page in pages.items() if name.startswith("docs/adr/")}
    numbers = [int(Path(name).name[:4]) for name in sorted(records)]
    assert numbers == list(range(1, len(records) + 1))
    for name, page in records.items():
        title, *sections = page.headings
        assert title.startswith(f"{Path(name).name[:4]}: "), name
        assert sections == ADR_SECTIONS, name


def test_documents_speak_of_the_product_alone(pages: dict[str, Any]) -> None:
    """No paths of a machine, no hosts of package registries, no notes to ourselves."""
    for name, page in pages.items():
        assert not re.search(r"/work/|/home/|/root/|pypi\.org|npmjs\.(?:com|org)|TODO|FIXME", page.text), name
