"""The settings' reference and the sample file are in step with the source."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from orchestrator.bootstrap import Deployment
from orchestrator.settings import PREFIX, Settings

HOSTS_OWN = {"HUBSWITCH_TASK_HUB"}


@pytest.fixture(scope="module")
def generator(root: Path) -> ModuleType:
    """``scripts/settings_doc.py``."""
    spec = importlib.util.spec_from_file_location("settings_doc", root / "scripts" / "settings_doc.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sample(root: Path) -> dict[str, str]:
    """The values of ``local.settings.sample.json``."""
    values: dict[str, str] = json.loads((root / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    return values


def test_the_page_is_what_the_source_says(generator: ModuleType, pages: dict[str, Any]) -> None:
    """After a change of a default or of its reason: ``.venv/bin/python scripts/settings_doc.py --write``."""
    assert pages["docs/settings.md"].text == generator.document()


def test_a_field_without_a_reason_is_refused(generator: ModuleType) -> None:
    """Each field says what it is and why its default is what it is."""

    class Silent(msgspec.Struct):
        field: int = 3

    with pytest.raises(ValueError, match=r"Silent\.field has no docstring"):
        list(generator.fields_of(Silent))


def test_a_changed_default_changes_the_page(generator: ModuleType) -> None:
    """The defaults on the page are those of the classes, spelt as a plan would."""

    class Told(msgspec.Struct):
        count: int = 3
        """How many."""

    assert [tuple(row) for row in generator.fields_of(Told)] == [("count", "whole number", "`3`", "How many.")]


def test_the_sample_names_every_setting_and_no_other(sample: dict[str, str]) -> None:
    """So that nobody has to look for a variable, and none is there that nobody reads."""
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)} | HOSTS_OWN
    assert {name for name in sample if name.startswith(PREFIX)} == known


def test_the_sample_has_what_the_host_file_asks_for(root: Path, sample: dict[str, str]) -> None:
    """Names between per cent signs, and the name of the engine's connection."""
    host = (root / "host.json").read_text(encoding="utf-8")
    asked = {*re.findall(r"%(\w+)%", host), *re.findall(r'"connectionStringName": "(\w+)"', host)}
    assert asked
    assert asked <= set(sample)


def test_an_app_starts_with_the_sample(root: Path, sample: dict[str, str]) -> None:
    """Settings and the plan that they name are accepted as they are."""
    assert list(Deployment(sample, root).plans) == ["vision"]
