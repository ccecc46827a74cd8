"""What stands between ``azd up`` and Azure: plans and region are checked, and the plans' names reach the templates."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from orchestrator.core.base.errors import InvalidInput
from orchestrator.plan_files import plan_in

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "plans").glob("hot-*.yaml"))
ENVIRONMENT = {
    "AZURE_ENV_NAME": "try",
    "AZURE_LOCATION": "northeurope",
    "AZURE_SUBSCRIPTION_ID": "6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42",
    "AZURE_RESOURCE_GROUP": "rg-try",
    "HUBSWITCH_PLANS": "plans/hot-warm.yaml",
    "HUBSWITCH_ESTATE": "e30=",
    "HUBSWITCH_APP": "func-a",
    "HUBSWITCH_HOST_STORAGE": "sta",
    "HUBSWITCH_DEAD_LETTERS": "dead-letters",
    "HUBSWITCH_WORKSPACE": "log-a",
    "HUBSWITCH_EXECUTOR_PRINCIPAL": "e",
    "HUBSWITCH_PROBE_PRINCIPAL": "p",
}


@pytest.fixture(scope="module")
def hook() -> Iterator[ModuleType]:
    """``scripts/azd_hook.py``."""
    sys.path.insert(0, str(ROOT / "scripts"))  # as for a script that is run
    spec = importlib.util.spec_from_file_location("azd_hook", ROOT / "scripts" / "azd_hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]
    sys.path.remove(str(ROOT / "scripts"))


class Commands(list[list[str]]):
    """Takes the place of programs that are not on this machine."""

    def __init__(self) -> None:
        super().__init__()
        self.environments: list[dict[str, str] | None] = []

    def __call__(self, command: list[str], *, check: bool, env: dict[str, str] | None = None, **_: Any) -> Any:
        assert not check
        self.append(command)
        self.environments.append(env)
        return SimpleNamespace(returncode=int("doctor" in command), stdout="a-key\n")


def estate(hook: ModuleType, folder: Path, changes: dict[str, Any], location: str = "northeurope") -> dict[str, Any]:
    """The estate of the hot/warm sample with some fields, by dotted name, set to something else."""
    plan = yaml.safe_load((ROOT / "plans" / "hot-warm.yaml").read_text(encoding="utf-8"))
    for field, value in changes.items():
        *way, last = field.split(".")
        place = plan
        for step in way:
            place = place[step]
        place[last] = value
    file = folder / "plan.yaml"
    file.write_text(yaml.safe_dump(plan), encoding="utf-8")
    found: dict[str, Any] = hook.estate_of({"plan.yaml": plan_in(file)}, location)
    return found


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_plan_can_be_deployed(hook: ModuleType, sample: Path) -> None:
    """Each names everything that the templates need, and each thing comes once."""
    found = hook.estate_of({sample.name: plan_in(sample)}, "northeurope" if sample.stem != "hot-cold" else "japaneast")
    assert len(found["projects"]) == 2
    for things in found.values():
        if isinstance(things, list):
            shown = [json.dumps(thing).casefold() for thing in things]
            assert len(set(shown)) == len(shown)


def test_the_deployment_does_not_run_in_a_primarys_region(hook: ModuleType, tmp_path: Path) -> None:
    """It would go down with what it watches; however the region is spelt."""
    with pytest.raises(InvalidInput, match=r"AZURE_LOCATION: expected a region other than that of a pair's primary"):
        estate(hook, tmp_path, {"notices": None}, "East US 2")


def test_names_come_from_the_plan(hook: ModuleType, tmp_path: Path) -> None:
    """Resources are called what the plan calls them, or the app would look for others."""
    found = estate(hook, tmp_path, {})
    assert found["ledgerAccount"] == "sthubswitchledger"
    assert found["store"] == "appcs-hubswitch"
    assert found["topic"] == "evgt-hubswitch"
    assert found["replicas"] == [{"name": "westus3", "location": "westus3"}]


def test_a_step_that_scales_clusters_asks_for_the_right_on_that_side_alone(hook: ModuleType, tmp_path: Path) -> None:
    """Least privilege: the sample's steps scale the secondary, in both directions."""
    found = estate(hook, tmp_path, {})
    assert [project["scalesClusters"] for project in found["projects"]] == [False, True]


def test_a_step_for_an_endpoint_asks_for_the_right_on_that_side_alone(hook: ModuleType, tmp_path: Path) -> None:
    """And on none without such a step."""
    assert not any(project["changesEndpoints"] for project in estate(hook, tmp_path, {})["projects"])
    scale = {"kind": "scale_deployment", "endpoint": "score", "deployment": "blue", "instances": 1, "side": "source"}
    found = estate(hook, tmp_path, {"steps.failback": [{"kind": "move_jobs"}, scale]})
    assert [project["changesEndpoints"] for project in found["projects"]] == [False, True]


def test_a_step_for_a_batch_endpoint_asks_for_the_right_on_that_side_alone(hook: ModuleType, tmp_path: Path) -> None:
    """What follows from ``standby`` counts; without it nobody gets the right."""
    assert not any(project["changesBatchEndpoints"] for project in estate(hook, tmp_path, {})["projects"])
    standby = {"batch_endpoints": [{"name": "nightly-scores", "deployment": "full"}]}
    found = estate(hook, tmp_path, {"standby": standby, "steps": {}})
    assert [project["changesBatchEndpoints"] for project in found["projects"]] == [False, True]
    assert [project["changesEndpoints"] for project in found["projects"]] == [False, False]


def test_a_step_that_switches_schedules_asks_for_the_right_on_both_sides(hook: ModuleType, tmp_path: Path) -> None:
    """It disables at one and enables at the other. What follows from ``standby`` counts as well."""
    assert not any(project["setsSchedules"] for project in estate(hook, tmp_path, {})["projects"])
    found = estate(hook, tmp_path, {"standby": {"schedules": ["nightly"]}, "steps": {}})
    assert [project["setsSchedules"] for project in found["projects"]] == [True, True]


def test_an_account_of_the_hub_is_its_own_even_if_it_is_listed_too(hook: ModuleType, tmp_path: Path) -> None:
    """The more that is told of it counts: files may be written there."""
    group = "/subscriptions/6f1d2c3b-8a40-4c55-9e1f-2b7c0d9a1e42/resourceGroups/rg-elsewhere"
    own = f"{group}/providers/Microsoft.Storage/storageAccounts/stvisioneastus2"
    logs = f"{group}/providers/Microsoft.OperationalInsights/workspaces/log-a"
    found = estate(hook, tmp_path, {"primary.resources": [own, logs]})
    here = [account for account in found["accounts"] if account["name"] == "stvisioneastus2"]
    assert [(account["resourceGroup"], account["isOwn"]) for account in here] == [("rg-elsewhere", True)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"primary.resources": []}, r"primary\.resources: expected the ARM id of the Log Analytics workspace"),
        (
            {"primary.acr": "https://one.azurecr.io", "secondary.acr": "https://one.azurecr.io"},
            r"primary\.resources: expected the ARM id of one there, because both sides share it",
        ),
        ({"pointer.replicas": ["https://other.azconfig.io"]}, r"pointer\.replicas\[0\]: expected https://appcs-hubswi"),
        ({"pointer.replicas": ["https://appcs-hubswitch-two.azconfig.io"]}, r"HUBSWITCH_STANDBY_REGION"),
        ({"ledger.account": "https://ledger.example.com"}, r"ledger\.account: expected a host of Azure"),
        (
            {"notices": "https://evgt-a.uksouth-1.eventgrid.azure.net/api/events"},
            r"notices: expected a topic in northeurope",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused(
    hook: ModuleType, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    """With the file, the field, what was expected and what was there, before anything is made."""
    with pytest.raises(InvalidInput, match=told):
        estate(hook, tmp_path, changes)


def test_plans_that_name_different_ledgers_are_refused(hook: ModuleType) -> None:
    """One deployment makes one of each."""
    plans = {path.name: plan_in(path) for path in SAMPLES if path.stem != "hot-hot"}
    with pytest.raises(
        InvalidInput, match=r"hot-warm\.yaml: ledger\.account: expected sthubswitchapac, as in hot-cold"
    ):
        hook.estate_of(plans, "northeurope")


def test_preprovision_hands_the_estate_to_azd_without_quotation_marks(hook: ModuleType) -> None:
    """The azd program puts the text into JSON as it is."""
    ran = Commands()
    assert hook.preprovision(ENVIRONMENT, ran) == 0
    assert ran[0][:4] == ["azd", "env", "set", "HUBSWITCH_ESTATE"]
    assert json.loads(base64.b64decode(ran[0][4]))["ledgerAccount"] == "sthubswitchledger"


def test_preprovision_stops_at_a_plan_with_a_fault(hook: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is handed on, and the fault is told as ``hubswitch plan check`` tells it."""
    ran = Commands()
    assert hook.preprovision(ENVIRONMENT | {"HUBSWITCH_PLANS": "plans/none.yaml"}, ran) == 2
    assert ran == []
    assert "expected a plan" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "template"), [("postprovision", "access"), ("postdeploy", "deliveries")])
def test_each_template_gets_its_own_parameters_and_all_that_it_needs(
    hook: ModuleType, name: str, template: str
) -> None:
    """Compared with the parameters that the template declares."""
    ran = Commands()
    assert hook.HOOKS[name](ENVIRONMENT, ran) == 0
    text = (ROOT / "infra" / f"{template}.bicep").read_text(encoding="utf-8")
    declared = [line.split() for line in text.splitlines() if line.startswith("param ")]
    given = [each.partition("=")[0] for each in ran[0][ran[0].index("--parameters") + 1 :]]
    assert set(given) <= {words[1] for words in declared}
    assert {words[1] for words in declared if "=" not in words} <= set(given)


@pytest.mark.parametrize("region", ["North Europe", "eastus2", "Atlantis"])
def test_a_second_stamp_that_would_go_down_with_something_is_refused(hook: ModuleType, region: str) -> None:
    """The region of the first one, that of a primary, or none at all."""
    with pytest.raises(InvalidInput) as refused:
        hook.check_second_stamp(region, "northeurope", ["eastus2"])
    assert (refused.value.field, refused.value.got) == ("HUBSWITCH_SECOND_STAMP", region)
    hook.check_second_stamp("swedencentral", "northeurope", ["eastus2"])
    hook.check_second_stamp("", "northeurope", ["eastus2"])


def test_a_second_stamp_gets_the_code_before_events_are_led_to_it(hook: ModuleType) -> None:
    """Event Grid wants the function to be there."""
    ran = Commands()
    assert hook.postdeploy({**ENVIRONMENT, "HUBSWITCH_SECOND_APP": "func-b"}, ran) == 0
    package, code, deliveries = ran
    assert package[:3] == ["azd", "package", "orchestrator"]
    assert code[:5] == ["az", "functionapp", "deployment", "source", "config-zip"]
    assert package[-1] == code[code.index("--src") + 1]
    assert code[code.index("--name") + 1] == "func-b"
    assert "secondAppName=func-b" in deliveries


@pytest.mark.parametrize("client", ["", "0000-1"])
def test_after_the_deployment_the_doctor_of_each_app_is_asked(
    hook: ModuleType, client: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a key, or the deployer's login. What it finds stops nothing, for a new role takes minutes to apply."""
    ran = Commands()
    apps = {"HUBSWITCH_SECOND_APP": "func-b", "HUBSWITCH_URL": "https://a", "HUBSWITCH_SECOND_URL": "https://b"}
    assert hook.postdeploy({**ENVIRONMENT, **apps, "HUBSWITCH_SIGN_IN_CLIENT_ID": client}, ran) == 0
    asked = [env for command, env in zip(ran, ran.environments, strict=True) if command[-1] == "doctor" and env]
    assert [env["HUBSWITCH_URL"] for env in asked] == ["https://a", "https://b"]
    wanted = ("HUBSWITCH_AUDIENCE", "api://0000-1") if client else ("HUBSWITCH_KEY", "a-key")
    assert {env.get(wanted[0]) for env in asked} == {wanted[1]}
    assert not any("a-key" in command for command in ran)
    keys = [command[command.index("--name") + 1] for command in ran if "keys" in command]
    assert keys == ([] if client else ["func-a", "func-b"])
    assert "ask again later" in capsys.readouterr().out


def test_of_two_apps_azd_deploys_to_the_first_alone() -> None:
    """It wants one resource for each service of azure.yaml."""
    services = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))["services"]
    text = (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8")
    assert re.findall(r"serviceName: '([\w-]+)'", text) == ["orchestrator", "orchestrator-second"]
    assert set(services) == {"orchestrator"}


def test_a_variable_that_is_missing_is_named(hook: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that sets it."""
    assert hook.main(["postdeploy"], {}) == 2
    assert "HUBSWITCH_ESTATE: expected a value (azd env set HUBSWITCH_ESTATE" in capsys.readouterr().err


@pytest.mark.parametrize("template", ["main", "access", "deliveries"])
def test_templates_read_what_the_hook_hands_over_and_nothing_else(hook: ModuleType, template: str) -> None:
    """The parameter has no type in Bicep, so a wrong name would be found by the deployment only."""
    found = hook.estate_of({"hot-warm": plan_in(ROOT / "plans" / "hot-warm.yaml")}, "northeurope")
    text = (ROOT / "infra" / f"{template}.bicep").read_text(encoding="utf-8")
    assert set(re.findall(r"\bnamed\.(\w+)", text)) <= set(found)
    for variable, things in re.findall(r"\[for (\w+) in named\.(\w+)", text):
        if isinstance(found[things][0], dict):
            body = text.partition(f"[for {variable} in named.{things}")[2].partition("\n}]")[0]
            assert set(re.findall(rf"\b{variable}\.(\w+)", body)) <= set(found[things][0])


def test_what_later_hooks_need_is_an_output_or_the_environments_own() -> None:
    """Azd turns outputs into variables; a name that differs would stop ``azd up`` half way."""
    hook = (ROOT / "scripts" / "azd_hook.py").read_text(encoding="utf-8")
    outputs = re.findall(r"^output (\w+) ", (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    set_before = {"AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID", "HUBSWITCH_PLANS", "HUBSWITCH_ESTATE"}
    assert set(re.findall(r"_needed\(environment, ['\"](\w+)['\"]\)", hook)) - set(outputs) == set_before


def test_the_workflow_hands_over_every_variable_of_an_azd_environment() -> None:
    """One that is missing there would be its default in the pipeline, and something else on the machine of a person."""
    project = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "azure-dev.yml").read_text(encoding="utf-8"))
    listed = set(project["pipeline"]["variables"]) | set(project["pipeline"]["secrets"])
    read = set(re.findall(r"HUBSWITCH_[A-Z_]+", (ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8")))
    for script in ("azd_hook.py", "new_hubs.py"):
        read |= set(re.findall(r'"(HUBSWITCH_[A-Z_]+)"', (ROOT / "scripts" / script).read_text(encoding="utf-8")))
    outputs = set(
        re.findall(r"^output (\w+) ", (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    )
    of_the_doctor = {"HUBSWITCH_KEY", "HUBSWITCH_AUDIENCE"}
    assert listed == read - outputs - {"HUBSWITCH_ESTATE"} - of_the_doctor
    assert {name for name in workflow["jobs"]["deploy"]["env"] if name.startswith("HUBSWITCH_")} == listed
    devops = yaml.safe_load((ROOT / ".azdo" / "pipelines" / "azure-dev.yml").read_text(encoding="utf-8"))
    given = devops["steps"][-1]["env"]
    assert {name for name in given if name.startswith("HUBSWITCH_")} == listed
    assert all(value in {f"$({name})", "ServicePrincipal"} for name, value in given.items())


def test_a_pipeline_is_begun_by_people_alone_and_stores_no_secret_of_azure() -> None:
    """A push must not restart what watches the hubs; signing in is by a federated credential."""
    text = (ROOT / ".github" / "workflows" / "azure-dev.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"workflow_dispatch": None}  # YAML 1.1 reads `on` as true
    assert workflow["permissions"] == {"id-token": "write", "contents": "read"}
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"HUBSWITCH_EXTRA_SETTINGS"}
    devops = yaml.safe_load((ROOT / ".azdo" / "pipelines" / "azure-dev.yml").read_text(encoding="utf-8"))
    assert (devops["trigger"], devops["pr"]) == ("none", "none")


def test_every_hook_of_the_project_is_one_that_the_script_knows(hook: ModuleType) -> None:
    """Named alike, run with the environment that ``scripts/setup`` makes."""
    hooks = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))["hooks"]
    assert {name: each["run"].split()[-1] for name, each in hooks.items()} == {name: name for name in hook.HOOKS}
    assert all(each["continueOnError"] is False for each in hooks.values())
