"""Resources beside the workspace: storage, registries, endpoints, identities, and all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import JobMap, Workspace, rewrite

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

CLIENT = "11111111-aaaa-4aaa-8aaa-111111111111"
TWIN = "22222222-bbbb-4bbb-8bbb-222222222222"
ARM = "/subscriptions/s1/resourceGroups/shared/providers"


def put_in(command: MakeJob, value: str) -> dict[str, Any]:
    return command(environmentVariables={"X": value})


def taken_out(body: dict[str, Any]) -> str:
    return str(body["properties"]["environmentVariables"]["X"])


@pytest.mark.parametrize(
    "uri",
    [
        "https://{0}.blob.core.windows.net/c/a.csv",
        "https://{0}.dfs.core.windows.net/c/a.csv?sv=1",
        "wasbs://c@{0}.blob.core.windows.net/b/",
        "abfss://c@{0}.dfs.core.windows.net/c/",
        "abfs://c@{0}.dfs.core.windows.net/{{{{x}}}}",
        "https://{0}.file.core.windows.net/share",
        "https://{0}.z13.web.core.windows.net/",
        "https://{0}.blob.core.usgovcloudapi.net/c",
        "https://{0}.z01.blob.storage.azure.net/c",
        "{0}.blob.core.windows.net",
    ],
)
def test_a_listed_storage_account_is_replaced_in_every_scheme(uri: str, make_map: MakeMap, command: MakeJob) -> None:
    """Only the account's name in the host changes."""
    result = rewrite(put_in(command, uri.format("stnorth")), make_map(storage_accounts={"stnorth": "stsouth"}))
    assert taken_out(result.body) == uri.format("stsouth")


def test_the_read_only_endpoint_of_an_account_belongs_to_the_account(make_map: MakeMap, command: MakeJob) -> None:
    """``-secondary`` behind an account's name is its geo-redundant copy."""
    body = put_in(command, "https://stnorth-secondary.blob.core.windows.net/c")
    result = rewrite(body, make_map(storage_accounts={"stnorth": "stsouth"}))
    assert taken_out(result.body) == "https://stsouth-secondary.blob.core.windows.net/c"


@pytest.mark.parametrize("account", ["stnorth2", "xstnorth", "public"])
def test_an_account_that_is_not_listed_stays_and_is_kept(account: str, make_map: MakeMap, command: MakeJob) -> None:
    """Public data needs no entry; a name that only begins alike is another account."""
    body = put_in(command, f"https://{account}.blob.core.windows.net/c")
    result = rewrite(body, make_map(storage_accounts={"stnorth": "stsouth"}))
    assert (result.body, result.unmapped) == (body, ())
    assert [stayed.path for stayed in result.kept] == ["/properties/environmentVariables/X"]


def test_a_signature_for_the_old_account_is_noted(make_map: MakeMap, command: MakeJob) -> None:
    """A shared access signature does not open another account."""
    body = put_in(command, "https://stnorth.blob.core.windows.net/c?sv=1&sig=abc")
    notes = rewrite(body, make_map(storage_accounts={"stnorth": "stsouth"})).notes
    assert any("signature" in note and "/properties/environmentVariables/X" in note for note in notes)


@pytest.mark.parametrize(
    "table",
    [
        {"crnorth": "crsouth"},
        {"crnorth.azurecr.io": "crsouth.azurecr.io"},
        {"https://crnorth.azurecr.io": "https://crsouth.azurecr.io"},
        {"CRNorth": "crsouth.azurecr.io"},
    ],
)
def test_a_container_registry_may_be_listed_by_name_host_or_url(
    table: dict[str, str], make_map: MakeMap, pipeline: MakeJob
) -> None:
    """The image behind it keeps every letter."""
    body = pipeline({"a": {"environment": {"image": "crnorth.azurecr.io/a/b@sha256:0f"}}})
    step = rewrite(body, make_map(registries=table)).body["properties"]["jobs"]["a"]
    assert step["environment"]["image"] == "crsouth.azurecr.io/a/b@sha256:0f"


@pytest.mark.parametrize("same_names", [True, False])
def test_a_private_registry_that_is_not_listed_is_unmapped(
    same_names: bool, make_map: MakeMap, pipeline: MakeJob
) -> None:
    """It may be the primary's own; public images need no entry."""
    image = {"image": "crnorth.azurecr.io/a:1"}
    body = pipeline({"a": {"environment": image}, "b": {"environment": {"image": "mcr.microsoft.com/x:1"}}})
    result = rewrite(body, make_map(same_names=same_names))
    assert [missed.path for missed in result.unmapped] == ["/properties/jobs/a/environment/image"]


def test_a_listed_registry_of_azure_ml_is_replaced(make_map: MakeMap, command: MakeJob) -> None:
    """A registry that does not reach the other region has a counterpart there."""
    body = put_in(command, "azureml://registries/contoso/models/net/versions/1")
    result = rewrite(body, make_map(registries={"contoso": "contoso-south"}))
    assert taken_out(result.body) == "azureml://registries/contoso-south/models/net/versions/1"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            {"s.north.inference.ml.azure.com": "s.south.inference.ml.azure.com"},
            "https://s.south.inference.ml.azure.com/score",
        ),
        (
            {"https://s.north.inference.ml.azure.com/score": "https://s.south.inference.ml.azure.com/score"},
            "https://s.south.inference.ml.azure.com/score",
        ),
        (
            {"https://s.north.inference.ml.azure.com/score": "https://t.south.inference.ml.azure.com/v2/score"},
            "https://t.south.inference.ml.azure.com/v2/score",
        ),
        ({"s": "s.south.inference.ml.azure.com"}, "https://s.south.inference.ml.azure.com/score"),
    ],
)
def test_an_endpoint_may_be_listed_by_host_or_url(
    table: dict[str, str], expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """Scheme and what lies behind stay."""
    body = put_in(command, "https://s.north.inference.ml.azure.com/score")
    assert taken_out(rewrite(body, make_map(endpoints=table)).body) == expected


@pytest.mark.parametrize("table", [{}, {"s": "t"}])
def test_an_endpoint_whose_new_host_is_not_known_is_unmapped(
    table: dict[str, str], make_map: MakeMap, command: MakeJob
) -> None:
    """The host holds a region: a new name alone does not make a new host."""
    result = rewrite(put_in(command, "https://s.north.inference.ml.azure.com/score"), make_map(endpoints=table))
    assert [missed.path for missed in result.unmapped] == ["/properties/environmentVariables/X"]


def test_any_listed_host_is_replaced(make_map: MakeMap, command: MakeJob) -> None:
    """The table of endpoints also moves model services that are no part of a workspace."""
    body = put_in(command, "--base https://aoai-north.openai.azure.com/v1 --next")
    result = rewrite(body, make_map(endpoints={"aoai-north.openai.azure.com": "aoai-south.openai.azure.com"}))
    assert taken_out(result.body) == "--base https://aoai-south.openai.azure.com/v1 --next"


TRACKING = (
    "azureml://{0}.api.azureml.ms/mlflow/v1.0/subscriptions/{1}/resourceGroups/{2}"
    "/providers/Microsoft.MachineLearningServices/workspaces/{3}"
)


def test_a_regional_host_needs_an_entry(make_map: MakeMap, command: MakeJob) -> None:
    """The id alone would leave the address in the old region, even where names are the same."""
    old = make_map().from_
    value = TRACKING.format("north", old.subscription, old.resource_group, old.workspace)
    result = rewrite(put_in(command, value), make_map(same_names=True))
    assert [(missed.path, missed.value) for missed in result.unmapped] == [
        ("/properties/environmentVariables/X", value)
    ]


def test_a_regional_host_with_an_entry_moves_with_the_workspace(make_map: MakeMap, command: MakeJob) -> None:
    """Host and id change together."""
    job_map = make_map(endpoints={"north.api.azureml.ms": "south.api.azureml.ms"})
    old, new = job_map.from_, job_map.to
    result = rewrite(
        put_in(command, TRACKING.format("north", old.subscription, old.resource_group, old.workspace)), job_map
    )
    assert taken_out(result.body) == TRACKING.format("south", new.subscription, new.resource_group, new.workspace)


IDENTITY = f"{ARM}/Microsoft.ManagedIdentity/userAssignedIdentities/id-north"
IDENTITIES = {CLIENT: TWIN, IDENTITY: IDENTITY.replace("north", "south")}


@pytest.mark.parametrize("names", [("clientId", "resourceId"), ("client_id", "resource_id")])
def test_an_identity_is_mapped_by_any_of_its_ids(names: tuple[str, str], make_map: MakeMap, command: MakeJob) -> None:
    """In both casings of the fields, and compared without regard to case."""
    client, resource = names
    body = command(identity={"identityType": "Managed", client: CLIENT.upper(), resource: IDENTITY.lower()})
    identity = rewrite(body, make_map(identities=IDENTITIES)).body["properties"]["identity"]
    assert identity == {"identityType": "Managed", client: TWIN, resource: IDENTITIES[IDENTITY]}


@pytest.mark.parametrize("field", ["clientId", "objectId", "resourceId"])
def test_an_identity_that_is_not_listed_is_unmapped(field: str, make_map: MakeMap, command: MakeJob) -> None:
    """A job must not run as somebody else, nor as nobody."""
    value = IDENTITY if field == "resourceId" else CLIENT
    result = rewrite(command(identity={field: value}), make_map())
    assert [missed.path for missed in result.unmapped] == [f"/properties/identity/{field}"]
    assert "/subscriptions/" not in result.unmapped[0].why, "the value stands beside it"


@pytest.mark.parametrize(
    "identity", [{"identityType": "Managed"}, {"identityType": "UserIdentity", "clientId": None}, None]
)
def test_an_identity_without_ids_needs_no_entry(identity: Any, make_map: MakeMap, command: MakeJob) -> None:
    """System-assigned and user identities are named by nothing."""
    body = command(identity=identity)
    assert rewrite(body, make_map()).body == body


def test_a_variable_that_is_a_listed_client_id_is_mapped(make_map: MakeMap, command: MakeJob) -> None:
    """``AZURE_CLIENT_ID`` names the identity that the code asks for."""
    body = command(environmentVariables={"AZURE_CLIENT_ID": CLIENT, "OTHER": f"x{CLIENT}"})
    variables = rewrite(body, make_map(identities=IDENTITIES)).body["properties"]["environmentVariables"]
    assert variables == {"AZURE_CLIENT_ID": TWIN, "OTHER": f"x{CLIENT}"}


@pytest.mark.parametrize(
    "value",
    [
        f"{ARM}/Microsoft.KeyVault/vaults/kv",
        f"{ARM}/Microsoft.Storage/storageAccounts/other",
        f"{ARM}/Microsoft.MachineLearningServices/registries/contoso",
        f"{ARM}/Microsoft.MachineLearningServices/virtualclusters/vc",
        "/subscriptions/s1/resourceGroups/shared",
        "https://kv-north.vault.azure.net/secrets/x",
        "https://aoai.openai.azure.com/",
    ],
)
def test_a_resource_outside_the_workspace_stays_and_is_kept(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """It is no reason to stop, but somebody should know."""
    body = put_in(command, value)
    result = rewrite(body, make_map(same_names=True))
    assert (result.body, result.unmapped) == (body, ())
    assert [(stayed.path, stayed.value) for stayed in result.kept] == [("/properties/environmentVariables/X", value)]


@pytest.mark.parametrize(
    "value",
    [
        f"{ARM}/Microsoft.Storage/storageAccounts/stnorth",
        f"{ARM}/Microsoft.ContainerRegistry/registries/crnorth",
        f"{ARM}/Microsoft.MachineLearningServices/registries/CRNorth",
    ],
)
def test_a_renamed_resource_by_arm_id_stays_and_is_kept(value: str, make_map: MakeMap, command: MakeJob) -> None:
    """The map knows its new name, not its new place: it is a resource outside the workspace like others."""
    job_map = make_map(storage_accounts={"stnorth": "stsouth"}, registries={"crnorth": "crsouth"}, same_names=True)
    result = rewrite(put_in(command, value), job_map)
    assert (taken_out(result.body), result.unmapped) == (value, ())
    assert [(stayed.path, stayed.value) for stayed in result.kept] == [("/properties/environmentVariables/X", value)]
    assert "has another name for" in result.kept[0].why


TABLES: dict[str, Any] = {
    "storage_accounts": {"stnorth": "STsouth"},
    "registries": {"crnorth": "CRsouth"},
    "identities": {CLIENT: TWIN.upper()},
    "endpoints": {"https://S.north.inference.ml.azure.com": "https://S.south.inference.ml.azure.com", "x": "y"},
}


@pytest.mark.parametrize(
    "value",
    [
        "https://stsouth.blob.core.windows.net/c",
        "crsouth.azurecr.io/a:1",
        "https://s.SOUTH.inference.ml.azure.com/score",
        "azureml://s.south.inference.ml.azure.com/x",
    ],
)
def test_what_names_are_mapped_to_is_known_where_names_are_unique(
    value: str, make_map: MakeMap, command: MakeJob
) -> None:
    """A body that names the other side's account, registry or host already is right as it is."""
    body = put_in(command, value)
    result = rewrite(body, make_map(**TABLES))
    assert (result.body, result.kept, result.unmapped) == (body, (), ())


def test_an_identity_of_the_other_side_is_known(make_map: MakeMap, command: MakeJob) -> None:
    """Ids of identities are unique in the world."""
    body = command(identity={"identityType": "Managed", "clientId": TWIN})
    assert rewrite(body, make_map(**TABLES)).unmapped == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://S.NORTH.inference.ml.azure.com/score", "https://s.south.inference.ml.azure.com/score"),
        ("azureml://S.NORTH.inference.ml.azure.com/x", "azureml://s.south.inference.ml.azure.com/x"),
        ("wasbs://c@STNorth.Blob.Core.Windows.Net/x", "wasbs://c@STsouth.Blob.Core.Windows.Net/x"),
    ],
)
def test_hosts_are_compared_without_regard_to_case(
    value: str, expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """As the Internet does."""
    assert taken_out(rewrite(put_in(command, value), make_map(**TABLES)).body) == expected


def test_an_endpoint_by_id_takes_the_name_from_a_host(make_map: MakeMap, command: MakeJob) -> None:
    """One entry serves both spellings."""
    job_map = make_map(endpoints={"s": "t.south.inference.ml.azure.com"})
    result = rewrite(put_in(command, f"{job_map.from_.id}/onlineEndpoints/s"), job_map)
    assert taken_out(result.body) == f"{job_map.to.id}/onlineEndpoints/t"


def test_what_stays_beside_something_rewritten_is_noted(make_map: MakeMap, command: MakeJob) -> None:
    """A value that changed is not among the kept; the part that did not change is said all the same."""
    value = "https://stnorth.blob.core.windows.net/a https://public.blob.core.windows.net/b"
    result = rewrite(put_in(command, value), make_map(**TABLES))
    assert (len(result.rewritten), result.kept) == (1, ())
    assert any("/properties/environmentVariables/X" in note for note in result.notes)


@pytest.mark.parametrize("key", ["s.north.inference.ml.azure.com", "https://s.north.inference.ml.azure.com/score"])
def test_an_endpoint_that_is_listed_by_host_is_known_by_its_name(
    key: str, make_map: MakeMap, command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """The first word of the host is what the endpoint is called."""
    job_map = make_map(endpoints={key: "t.south.inference.ml.azure.com"})
    body = put_in(command, f"{old.id}/onlineEndpoints/s/deployments/blue")
    assert taken_out(rewrite(body, job_map).body) == f"{new.id}/onlineEndpoints/t/deployments/blue"


@pytest.mark.parametrize("tail", ["jobs/j1", "Jobs/j1/outputs/score"])
def test_a_run_of_a_batch_endpoint_exists_there_only(
    tail: str, make_map: MakeMap, command: MakeJob, old: Workspace
) -> None:
    """The endpoint has a counterpart, what it once did has none."""
    value = f"{old.id}/batchEndpoints/s/{tail}"
    result = rewrite(put_in(command, value), make_map(endpoints={"s": "t"}))
    assert (taken_out(result.body), [missed.value for missed in result.unmapped]) == (value, [value])


@pytest.mark.parametrize("uri", ["aml://artifactId/ExperimentRun/dcid.run-1/m", "AML://artifact/experimentrun/dcid.r"])
def test_an_artifact_of_a_run_exists_there_only(uri: str, make_map: MakeMap, command: MakeJob) -> None:
    """An older spelling of a run's outputs."""
    result = rewrite(command(inputs={"a": {"jobInputType": "uri_folder", "uri": uri}}), make_map())
    assert [missed.value for missed in result.unmapped] == [uri]
