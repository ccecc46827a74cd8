"""Reading one side of a pair through Resource Manager: every key, and every way in which it may not be readable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from inventory_keys import KEYS
from live import unpaced

from orchestrator.adapters.assembly import side_inventories
from orchestrator.adapters.hub.arm_sources import behind, is_arm_id
from orchestrator.adapters.permissions import Who, rows_for
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.standby.inventory import DENIED, MISSING, TEMPORARY, code_of, dig
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of
from orchestrator.ports import SideRequest
from orchestrator.settings import Settings
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.identity import READER

Answer = Callable[[str, int, Any], None]


@pytest.fixture(autouse=True)
def granted(azure: LocalAzure) -> Iterator[None]:
    """As many reads as a test likes."""
    before, azure.throttle.enabled = azure.throttle.enabled, False
    with unpaced():
        yield
    azure.throttle.enabled = before


@pytest.fixture
def request_of(azure: LocalAzure) -> Callable[..., SideRequest]:
    """What is asked for about the primary."""
    plan = plan_of(azure)

    def make(role: Role = Role.PRIMARY, **more: Any) -> SideRequest:
        side = plan.side(role)
        return SideRequest(side, plan.pointer.endpoint, frozenset({side.subscription.lower()}), **more)

    return make


@pytest.fixture
def collect(settings: Settings, request_of: Callable[..., SideRequest]) -> Callable[..., dict[str, Any]]:
    """Read a side, as the reader."""
    sides = side_inventories(settings)
    return lambda role=Role.PRIMARY, **more: sides.collect(request_of(role, **more))


@pytest.fixture
def put_in(azure: LocalAzure) -> Iterator[Answer]:
    """Let Resource Manager answer something else at a path, until the test ends."""
    done: list[str] = []

    def answer(path: str, status: int, body: Any) -> None:
        done.append(path)
        _post(azure, {"answers": {path: {"status": status, "body": body}}})

    yield answer
    _post(azure, {"answers": dict.fromkeys(done)})


def _post(azure: LocalAzure, body: dict[str, Any]) -> None:
    answer = requests.post(f"{azure.urls['admin']}/admin/resources", json=body, timeout=120)
    assert answer.status_code == 200, answer.text


def _asked(azure: LocalAzure, before: int) -> list[str]:
    """Paths that were asked for since, each once."""
    entries = [entry for entry in list(azure.log)[before:] if entry.service == "resource-manager"]
    return list(dict.fromkeys(entry.path.partition("?")[0] for entry in entries))


def test_every_key_that_the_checks_read_is_there(collect: Callable[..., dict[str, Any]]) -> None:
    """And each is an answer, or null for what the hub does not have."""
    found = collect()
    assert KEYS - found.keys() == {"shared_data_storage", *(key for key in KEYS if "version" in key or "cont" in key)}
    assert {key: value for key, value in found.items() if code_of(value)} == {}
    assert found["hub"]["kind"] == "Hub"
    assert [each["name"] for each in found["computes"]] == ["cpu-cluster", "gpu-cluster"]
    assert dig(found["data_accounts"], "sttraining.properties.geoReplicationStats.status") == "Live"


def test_only_the_reader_asks_and_only_diagnosing_is_a_post(
    azure: LocalAzure, collect: Callable[..., dict[str, Any]]
) -> None:
    """The reader's permissions suffice: none of them writes."""
    before = len(azure.log)
    collect()
    asked = [entry for entry in list(azure.log)[before:] if entry.service == "resource-manager"]
    assert {entry.path.rpartition("/")[2].partition("?")[0] for entry in asked if entry.method != "GET"} == {"diagnose"}
    assert azure.kernel.grants[READER] == {"arm.read", "arm.diagnose"}


def test_what_the_plan_s_standby_names_is_read_if_it_is_asked_for(
    azure: LocalAzure, collect: Callable[..., dict[str, Any]]
) -> None:
    """Batch endpoints with their deployments, and accounts with their models; else none of these keys is there."""
    account = f"{plan_of(azure).primary.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-eastus2"
    assert collect().keys() & {"batch_endpoints", "batch_deployments", "ai_accounts"} == set()
    found = collect(batch=True, ai_accounts=(account, f"{account}-absent"))
    assert [each["name"] for each in found["batch_endpoints"]] == ["nightly-scores"]
    assert [each["name"] for each in found["batch_deployments"]] == ["nightly-scores/light", "nightly-scores/full"]
    there, absent = found["ai_accounts"].values()
    assert there["account"]["location"] == "eastus2"
    assert [each["name"] for each in there["deployments"]] == ["gpt-4o"]
    (model,) = there["models"]
    assert (model["format"], model["name"], model.get("id")) == ("OpenAI", "gpt-4o", None)
    assert model["skus"][0]["usageName"] in [each["name"]["value"] for each in there["usages"]]
    assert absent == {"account": None, "deployments": [], "models": [], "usages": there["usages"]}


def test_each_call_for_what_the_plan_names_has_one_permission(
    azure: LocalAzure, collect: Callable[..., dict[str, Any]]
) -> None:
    """As the table has it, from which the page and the check of the templates' roles are made."""
    account = f"{plan_of(azure).primary.group_id}/providers/Microsoft.CognitiveServices/accounts/aoai-eastus2"
    before = len(azure.log)
    collect(batch=True, ai_accounts=(account,))
    asked = [entry for entry in list(azure.log)[before:] if entry.service == "resource-manager"]
    needs = {
        entry.path: {call.needs for call in rows_for(Who.PROBE, entry.service, entry.method, entry.path)}
        for entry in asked
        if "batchEndpoints" in entry.path or "CognitiveServices" in entry.path
    }
    assert {path: found for path, found in needs.items() if len(found) != 1} == {}
    assert set().union(*needs.values()) >= {
        "Microsoft.MachineLearningServices/workspaces/batchEndpoints/read",
        "Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/read",
        "Microsoft.CognitiveServices/accounts/read",
        "Microsoft.CognitiveServices/accounts/deployments/read",
        "Microsoft.CognitiveServices/accounts/models/read",
        "Microsoft.CognitiveServices/locations/usages/read",
    }


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, {"error": {"code": "AuthorizationFailed", "message": "no"}}, DENIED),
        (404, {"error": {"code": "ResourceNotFound", "message": "gone"}}, MISSING),
        (503, {"error": {"code": "ServerBusy", "message": "busy"}}, TEMPORARY),
        (200, ["nonsense"], TEMPORARY),
        (200, {"value": "nonsense", "id": 5}, TEMPORARY),
        (200, "<html>", TEMPORARY),
    ],
)
def test_what_cannot_be_read_says_why(
    azure: LocalAzure,
    collect: Callable[..., dict[str, Any]],
    put_in: Answer,
    status: int,
    body: Any,
    code: str,
) -> None:
    """Every key by itself, whatever is the matter with all of them at once; nothing is raised."""
    before = len(azure.log)
    clean = collect()
    for path in _asked(azure, before):
        if path.lower() != clean["hub"]["id"].lower():
            put_in(path, status, body)
    found = collect()
    own = {"_meta", "hub", "registry", "cosmos_account", "assets"}
    wrong = {key: value for key, value in found.items() if key not in own and code_of(value) != code}
    assert wrong == {}
    assert all(dig(value, "error.message") for key, value in found.items() if key not in own)


def test_without_the_hub_nothing_that_it_names_is_known(
    collect: Callable[..., dict[str, Any]], put_in: Answer, request_of: Callable[..., SideRequest]
) -> None:
    """Where its account, vault and registry are is told by the hub alone."""
    put_in(request_of().hub.hub_id, 403, {"error": {"code": "AuthorizationFailed", "message": "not you"}})
    found = collect()
    hidden = {"hub", "storage", "keyvault", "acr", "app_insights", "log_analytics", "role_assignments"}
    assert {key for key in hidden if code_of(found[key]) == DENIED} == hidden
    assert code_of(found["computes"]) == ""


def test_a_next_page_on_another_host_is_not_asked_for(
    collect: Callable[..., dict[str, Any]], put_in: Answer, request_of: Callable[..., SideRequest]
) -> None:
    """Our token stays with Resource Manager."""
    link = "https://elsewhere.example/next?api-version=2024-10-01"
    put_in(f"{request_of().hub.project_id}/computes", 200, {"value": [], "nextLink": link})
    found = collect()
    assert code_of(found["computes"]) == DENIED
    assert "elsewhere.example" in dig(found["computes"], "error.message")


def test_an_id_in_an_answer_leads_nowhere_else(
    collect: Callable[..., dict[str, Any]], put_in: Answer, request_of: Callable[..., SideRequest], azure: LocalAzure
) -> None:
    """What a hub names is asked for only if it is an ARM id."""
    hub = dict(azure.resources.get(request_of().hub.hub_id) or {})
    hub["properties"] = {**hub["properties"], "storageAccount": "/subscriptions/x/../../secrets?api-version=1"}
    put_in(hub["id"], 200, hub)
    before = len(azure.log)
    found = collect()
    assert code_of(found["storage"]) == TEMPORARY
    assert not [path for path in _asked(azure, before) if "secrets" in path]


def test_pages_are_followed() -> None:
    """With one element a page it is the same inventory."""
    counts = []
    for page in (1, 50):
        with LocalAzure(seed=3, page=page) as azure:
            plan = plan_of(azure)
            made = Settings(
                plans="plans",
                resource_manager=azure.urls["resource-manager"],
                ca_bundle=str(azure.ca_bundle),
                reader_client_id=READER,
            )
            with variables(azure.environment()):
                found = side_inventories(made).collect(
                    SideRequest(plan.primary, plan.pointer.endpoint, frozenset({plan.primary.subscription}))
                )
            counts.append({key: len(value) for key, value in found.items() if isinstance(value, list)})
    assert counts[0] == counts[1]
    assert counts[0]["computes"] == 2


def test_assets_that_jobs_need_are_asked_for_one_by_one(
    collect: Callable[..., dict[str, Any]], request_of: Callable[..., SideRequest]
) -> None:
    """One that is there, and one that is not."""
    project = request_of().hub.project_id
    places = (f"{project}/environments/train-env/versions/1", f"{project}/environments/train-env/versions/9")
    found = collect(assets=places)["assets"]
    assert [code_of(found[place]) for place in places] == ["", MISSING]


def test_ids_and_connections_are_read_with_care() -> None:
    """Strange parts of connections are passed over."""
    good = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
    assert is_arm_id(good)
    assert [is_arm_id(text) for text in (None, "", f"{good}?x=1", f"{good}/..", 5)] == [False] * 5
    listed: list[dict[str, Any]] = [
        {"properties": None},
        {"properties": {"category": "AzureOpenAI", "metadata": "x"}},
        {"properties": {"category": "azureopenai", "metadata": {"ResourceId": good}}},
    ]
    assert behind(listed, ["AzureOpenAI"]) == [good]
