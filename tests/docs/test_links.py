"""What documents point at is there: files, sections, code, tests, make targets, commands, variables."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import typer.main

from orchestrator.cli.app_calls import AUDIENCE
from orchestrator.cli.main import app
from orchestrator.core.jobs.checkpoint import CHECKPOINT_VARIABLE
from orchestrator.settings import PREFIX, Settings

TREE = re.compile(r"^(?:orchestrator|client|tests|docs|plans|scripts|bench|bicepcheck|infra)/[\w./-]*$|^\.ci/run$")
HOSTS_OWN = {"HUBSWITCH_TASK_HUB", "HUBSWITCH_PAIR_PLAN"}


def test_every_link_leads_to_a_file_and_a_section_that_exist(root: Path, pages: dict[str, Any]) -> None:
    """A reader at three in the morning follows links and does not search."""
    broken = []
    for page in pages.values():
        for link in page.links:
            if re.match(r"https?://", link):
                continue
            where, _, anchor = link.partition("#")
            target = os.path.normpath(page.path.parent / where) if where else str(page.path)
            name = os.path.relpath(target, root)
            lost = anchor and (name not in pages or anchor not in pages[name].anchors)
            if lost or not Path(target).exists():
                broken.append(f"{page.name}: {link}")
    assert broken == []


def test_every_path_that_is_named_exists(root: Path, pages: dict[str, Any]) -> None:
    """Names of files and folders of this tree, wherever they stand in backticks."""
    named = {(page.name, word) for page in pages.values() for word in page.code if TREE.match(word)}
    assert len(named) > 30
    assert sorted(f"{page}: {word}" for page, word in named if not (root / word).exists()) == []


def test_every_make_target_that_is_named_exists(root: Path, pages: dict[str, Any]) -> None:
    """The two commands of the README among them."""
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in pages.values()
        for words in re.findall(r"(?:^\s*\$ |`)make ((?:[a-z]+ ?)+)", page.text, re.MULTILINE)
        for target in words.split()
    }
    assert {"demo", "test", "check", "up"} <= named
    assert named - targets == set()


def test_every_command_that_is_named_exists(pages: dict[str, Any]) -> None:
    """``hubswitch <word>`` in a console block or in backticks."""
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = {
        word for page in pages.values() for word in re.findall(r"(?:\.venv/bin/|`|\()hubswitch ([a-z]+)", page.text)
    }
    assert "demo" in named
    assert named - known == set()


def test_every_variable_that_is_named_exists(root: Path, pages: dict[str, Any]) -> None:
    """A variable that nobody reads is worse than none. azd's hooks and templates read and set its own."""
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)} | HOSTS_OWN
    known |= {CHECKPOINT_VARIABLE, AUDIENCE, "HUBSWITCH_KEY", "HUBSWITCH_URL"}
    for file in ("infra/main.parameters.json", "infra/main.bicep", "scripts/azd_hook.py", "scripts/new_hubs.py"):
        known |= set(re.findall(r"HUBSWITCH_[A-Z_]+", (root / file).read_text(encoding="utf-8")))
    named = {word for page in pages.values() for word in re.findall(r"HUBSWITCH_[A-Z_]+", page.text)}
    assert named - known == set()


def test_every_json_example_is_json(pages: dict[str, Any]) -> None:
    """What is shown as an answer can be read as one."""
    blocks = [(page.name, block) for page in pages.values() for block in page.blocks("json")]
    assert len(blocks) > 5
    for name, block in blocks:
        assert json.loads(block), name
