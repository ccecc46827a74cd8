"""A pair of hubs for people who have none: the plan is written once, and hubs of others are never taken for ours."""

from __future__ import annotations

import base64
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode
from orchestrator.core.plan.load import plan_from
from orchestrator.plan_files import check_plans

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "AZURE_ENV_NAME": "Try.Hubs_2026",
    "AZURE_LOCATION": "northeurope",
    "AZURE_SUBSCRIPTION_ID": "6F1D2C3B-8a40-4c55-9e1f-2b7c0d9a1e42",
    "HUBSWITCH_PRIMARY_REGION": "East US 2",
    "HUBSWITCH_SECONDARY_REGION": "germanywestcentral",
    "HUBSWITCH_CREATE_HUBS": "true",
}
LONGEST = {"storage": 24, "keyvault": 24, "acr": 50, "hub": 33, "project": 33}


@pytest.fixture(scope="module")
def scripts() -> Iterator[tuple[ModuleType, ModuleType]]:
    """``azd_hook`` and ``new_hubs``."""
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module("azd_hook"), importlib.import_module("new_hubs")
    sys.path.remove(str(ROOT / "scripts"))
    del sys.modules["azd_hook"]


@pytest.fixture
def home(scripts: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own, into which plans are written."""
    monkeypatch.setattr(scripts[0], "ROOT", tmp_path)
    return tmp_path


class Azure:
    """Takes the place of ``az`` and ``azd``: which groups are there, by name, with the environment in their tag."""

    def __init__(self, groups: dict[str, str], *, is_signed_in: bool = True) -> None:
        self.groups = groups
        self.is_signed_in = is_signed_in
        self.estate: dict[str, Any] = {}

    def __call__(self, command: list[str], **_: Any) -> Any:
        if command[:3] == ["azd", "env", "set"]:
            self.estate = json.loads(base64.b64decode(command[4]))
            return SimpleNamespace(returncode=0)
        if not self.is_signed_in:
            return SimpleNamespace(returncode=1, stdout="", stderr="Please run 'az login'")
        name = command[command.index("--name") + 1]
        answer = str(name in self.groups).lower() if command[2] == "exists" else self.groups[name]
        return SimpleNamespace(returncode=0, stdout=f"{answer}\n", stderr="")


def test_the_plan_is_written_and_has_neither_fault_nor_warning(
    scripts: tuple[ModuleType, ModuleType], home: Path
) -> None:
    """With names that Azure takes, in mode observe; the environment's name may be anything that azd allows."""
    azure = Azure({})
    assert scripts[0].preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "mine/new.yaml"}, azure) == 0
    checked = check_plans([home / "mine" / "new.yaml"])
    assert (*checked.faults, *checked.warnings) == ()
    plan = plan_from((home / "mine" / "new.yaml").read_text(encoding="utf-8"), "new.yaml")
    assert plan.policy.mode is Mode.OBSERVE
    for side in (plan.primary, plan.secondary):
        names = {"storage": side.storage, "keyvault": side.keyvault, "acr": side.acr}
        hosts = {field: str(url).removeprefix("https://").partition(".")[0] for field, url in names.items()}
        for field, name in (hosts | {"hub": side.hub, "project": side.project}).items():
            assert len(name) <= LONGEST[field]
            assert "--" not in name


def test_templates_are_handed_what_the_plan_names(scripts: tuple[ModuleType, ModuleType], home: Path) -> None:
    """Both sides with all that infra/hubs reads of them, and what is shared, in a group of its own."""
    azure = Azure({})
    assert scripts[0].preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"}, azure) == 0
    plan = plan_from((home / "new.yaml").read_text(encoding="utf-8"), "new.yaml")
    made = azure.estate["newHubs"]
    assert made["primary"]["project"] == plan.primary.project
    assert made["secondary"]["region"] == "germanywestcentral"
    assert made["shared"]["resourceGroup"] == "rg-try-hubs-shared"
    files = sorted((ROOT / "infra" / "hubs").glob("*.bicep"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    text = "\n".join(line for line in lines if not line.startswith(("module ", "@", "//")))
    for word, things in (("side", "primary"), ("primary", "primary"), ("secondary", "secondary"), ("shared", "shared")):
        read = set(re.findall(rf"\b{word}\.(\w+)", text))
        assert read
        assert read <= set(made[things])


def test_a_plan_that_is_there_is_left_alone(scripts: tuple[ModuleType, ModuleType], home: Path) -> None:
    """It is somebody's work from the moment that it is written."""
    environment = ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"}
    assert scripts[0].preprovision(environment, Azure({})) == 0
    file = home / "new.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("mode: observe", "mode: approve"), encoding="utf-8")
    assert scripts[0].preprovision(environment, Azure({"rg-try-hubs-shared": "Try.Hubs_2026"})) == 0
    assert "mode: approve" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("owner", ["", "another-environment"])
@pytest.mark.usefixtures("home")
def test_a_group_of_somebody_else_is_refused(scripts: tuple[ModuleType, ModuleType], owner: str) -> None:
    """What azd has a resource in, ``azd down`` deletes whole."""
    azure = Azure({"rg-try-hubs-eastus2": owner})
    with pytest.raises(InvalidInput, match="expected no group rg-try-hubs-eastus2, or one that this azd environment"):
        scripts[0].preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"}, azure)
    assert azure.estate == {}


@pytest.mark.usefixtures("home")
def test_a_group_that_cannot_be_asked_about_is_not_ours(scripts: tuple[ModuleType, ModuleType]) -> None:
    """Not knowing is no leave."""
    azure = Azure({}, is_signed_in=False)
    with pytest.raises(InvalidInput, match="are you signed in"):
        scripts[0].preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"}, azure)
    assert azure.estate == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"HUBSWITCH_PRIMARY_REGION": ""}, "HUBSWITCH_PRIMARY_REGION: expected a value"),
        ({"HUBSWITCH_PRIMARY_REGION": "atlantis"}, "HUBSWITCH_PRIMARY_REGION: expected the name of an Azure region"),
        ({"HUBSWITCH_SECONDARY_REGION": "eastus2"}, "HUBSWITCH_SECONDARY_REGION: expected a region of its own"),
        ({"AZURE_LOCATION": "eastus2"}, "AZURE_LOCATION: expected a region of its own"),
        ({"AZURE_ENV_NAME": "2026"}, "AZURE_ENV_NAME: expected a name that begins with a letter"),
        ({"AZURE_SUBSCRIPTION_ID": ""}, "AZURE_SUBSCRIPTION_ID: expected a value"),
        ({"HUBSWITCH_PLANS": "folder"}, "HUBSWITCH_PLANS: expected a file"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    scripts: tuple[ModuleType, ModuleType], home: Path, changes: dict[str, str], told: str
) -> None:
    """With the variable that is wrong."""
    with pytest.raises(InvalidInput, match=told):
        scripts[0].preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"} | changes, Azure({}))
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("there", "instead", "told"),
    [
        ("6f1d2c3b", "00000000", r"primary\.subscription: expected"),
        ("rg-try-hubs-shared", "rg-try-hubs-eastus2", r"primary\.resources: expected vault and registry in one group"),
    ],
)
def test_a_plan_of_another_shape_is_refused(
    scripts: tuple[ModuleType, ModuleType], home: Path, there: str, instead: str, told: str
) -> None:
    """Hubs are made as the template makes them, or not at all."""
    environment = ENVIRONMENT | {"HUBSWITCH_PLANS": "new.yaml"}
    assert scripts[0].preprovision(environment, Azure({})) == 0
    file = home / "new.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(there, instead), encoding="utf-8")
    with pytest.raises(InvalidInput, match=told):
        scripts[0].preprovision(environment, Azure({}))


def test_new_hubs_have_datastores_without_credentials(scripts: tuple[ModuleType, ModuleType]) -> None:
    """So the executor may write to their accounts, whatever the variable says."""
    ran: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> Any:
        assert not check
        ran.append(command)
        return SimpleNamespace(returncode=0)

    environment = ENVIRONMENT | {
        "HUBSWITCH_ESTATE": "e30=",
        "HUBSWITCH_EXECUTOR_PRINCIPAL": "e",
        "HUBSWITCH_PROBE_PRINCIPAL": "p",
    }
    assert scripts[0].postprovision(environment, run) == 0
    assert "identityBasedDatastores=true" in ran[0]
