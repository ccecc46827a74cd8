"""The template turns authentication on with the app setting that believes it, and neither without the other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bicepcheck.__main__ import findings_in
from bicepcheck.check import read_all
from bicepcheck.syntax import Template, literal, text_of, value_of
from orchestrator.triggers.routes import ROUTES, template_of

ROOT = Path(__file__).parents[2]
APP = ROOT / "infra" / "modules" / "app.bicep"


def template() -> Template:
    return read_all(ROOT / "infra", ROOT)[APP.resolve()]


def test_paths_that_nobody_signs_in_for_stay_open() -> None:
    """Exactly the routes without a role: health, and what Azure delivers with a key of its own."""
    listed = value_of(template().resources["authentication"].body, "properties", "globalValidation", "excludedPaths")
    assert listed is not None
    found = {str(literal(each)) for each in listed.named_children}
    assert found == {f"/{template_of(route)}" for route in ROUTES if route.role is None}


def test_machines_with_keys_are_not_turned_away_by_the_platform() -> None:
    """The app answers 401 itself, to whoever has neither key nor login."""
    body = template().resources["authentication"].body
    assert literal(value_of(body, "properties", "globalValidation", "unauthenticatedClientAction")) == "AllowAnonymous"
    asked = value_of(body, "properties", "globalValidation", "requireAuthentication")
    assert asked is not None
    assert text_of(asked) == "false"


def test_the_header_is_believed_if_and_only_if_authentication_is_turned_on() -> None:
    """One parameter decides both, and the setting waits for the platform."""
    text = APP.read_text(encoding="utf-8")
    assert "resource authentication 'Microsoft.Web/sites/config@2025-03-01' = if (!empty(signInClientId)) {" in text
    assert re.search(r"empty\(signInClientId\) \? \{\} : \{\s+HUBSWITCH_SIGNED_IN_HEADER: 'true'\s+\}", text)
    assert text.count("HUBSWITCH_SIGNED_IN_HEADER") == 1
    assert "dependsOn: [authentication]" in text


@pytest.mark.parametrize(
    ("there", "instead", "told"),
    [
        ("clientId: signInClientId", "clientID: signInClientId", "clientID: no such property"),
        ("'AllowAnonymous'", "'AllowAnybody'", "unauthenticatedClientAction: expected"),
        (
            "HUBSWITCH_SIGNED_IN_HEADER: 'true'",
            "HUBSWITCH_SIGNED_HEADER: 'true'",
            "HUBSWITCH_SIGNED_HEADER: nobody reads",
        ),
    ],
)
def test_a_slip_in_it_is_found(tmp_path: Path, there: str, instead: str, told: str) -> None:
    """By the same check as the rest of the templates."""
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    shutil.copy(ROOT / "host.json", tmp_path / "host.json")
    file = tmp_path / "infra" / "modules" / "app.bicep"
    text = file.read_text(encoding="utf-8")
    assert there in text
    file.write_text(text.replace(there, instead), encoding="utf-8")
    assert told in "\n".join(str(found) for found in findings_in(tmp_path / "infra", tmp_path))
