"""Search indexes that connections name: whether the standby's search service has them, and documents in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from standby_stage import Stage, blocking, place

from orchestrator.adapters.permissions import Who, rows_for
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.standing import SOONER
from orchestrator.core.standby.readiness import Finding, Severity
from orchestrator.core.standby.search_indexes import INDEX_CHECK

SERVICE, CONNECTION = "group/Microsoft.Search/searchServices/srch-westus3", "hub/connections/search"
PATH = "search_indexes.search/policies"
METADATA = "properties.metadata"


@contextmanager
def documents(stage: Stage, region: str = "westus3", **counts: int) -> Iterator[None]:
    """With these indexes alone in a region's search service."""
    service = stage.azure.services.searches[region]
    before = service.documents
    stage.azure.call(lambda: setattr(service, "documents", counts))
    try:
        yield
    finally:
        stage.azure.call(lambda: setattr(service, "documents", before))


def found_by_the_check(stage: Stage) -> list[Finding]:
    stage.look()
    return [each for each in stage.record().findings if each.check == INDEX_CHECK]


def test_an_index_that_is_missing_blocks(stage: Stage) -> None:
    """With what has to be done: Azure copies no index."""
    with documents(stage, other=5):
        (found,) = found_by_the_check(stage)
    assert (found.path, found.severity) == (PATH, Severity.BLOCK)
    assert "is missing in the standby's search service" in found.what
    assert "Azure does not copy it" in found.fix
    assert not stage.record().ready
    assert found_by_the_check(stage) == []


def test_an_index_without_documents_blocks(stage: Stage) -> None:
    """An application would find nothing there; how many the active side has is shown beside it."""
    with documents(stage, policies=0):
        (found,) = found_by_the_check(stage)
    assert (found.path, found.what) == (f"{PATH}.documentCount", "has no documents")
    assert (found.primary, found.secondary) == ("120", "0")
    with documents(stage, policies=1):
        assert found_by_the_check(stage) == []


@pytest.mark.parametrize("kind", ["refuse", "5xx", "401", "403", "429"])
def test_a_service_that_does_not_answer_is_unknown_and_not_ready(stage: Stage, kind: str) -> None:
    """What may answer later is asked again soon."""
    stage.azure.faults.set("westus3", "search", kind)
    try:
        standing = stage.look()
    finally:
        stage.azure.faults.clear("westus3", "search")
    assert not standing.ready
    (found,) = [each for each in stage.record().findings if each.check == INDEX_CHECK]
    assert (found.path, found.severity) == ("search_indexes", Severity.BLOCK)
    assert found.what.startswith("cannot be compared: the secondary's could not be read: getting https://127.0.0.1")
    assert (standing.due_at - standing.at == SOONER) is (kind not in {"401", "403"})
    assert stage.look().ready


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"properties.authOptions": {"apiKeyOnly": {}}}, "The service takes API keys only"),
        ({"properties.endpoint": "https://search.example.com"}, "is no search service of Azure; it is not asked"),
        ({"properties.endpoint": "http://127.0.0.1:1"}, "is no search service of Azure; it is not asked"),
    ],
)
def test_a_service_that_may_not_be_asked_is_unknown(stage: Stage, values: dict[str, Any], said: str) -> None:
    """Because it takes keys alone, or because our token would go to somebody else."""
    with stage.changed(set={place(stage, SERVICE): values}):
        (found,) = found_by_the_check(stage)
    assert (found.path, said in found.what) == ("search_indexes", True), found.what


def test_a_service_that_was_deleted_has_no_index(stage: Stage) -> None:
    """What is behind it is not known, beside what the check of the service says."""
    with stage.changed(delete=[place(stage, SERVICE)]):
        found = stage.findings()
        assert blocking(found) == {"search_indexes"}
        assert found["search_service"].severity is Severity.WARN


def test_the_standby_s_connection_has_to_name_its_index(stage: Stage) -> None:
    """Else nobody knows which one to look for; one of another name is looked for, and said."""
    kept = {"ApiType": "Azure", "ResourceId": place(stage, SERVICE)}
    with stage.changed(set={place(stage, CONNECTION): {METADATA: kept}}):
        (found,) = found_by_the_check(stage)
        assert (found.path, found.severity) == ("connections.search.metadata.IndexName", Severity.BLOCK)
        assert "az ml connection update --name search --set metadata.IndexName=" in found.fix
    with (
        stage.changed(set={place(stage, CONNECTION): {METADATA: kept | {"index_name": "policies-v2"}}}),
        documents(stage, **{"policies-v2": 9}),
    ):
        (found,) = found_by_the_check(stage)
        assert (found.path, found.severity) == ("connections.search.metadata.IndexName", Severity.WARN)
        assert stage.record().ready


def test_each_of_several_names_is_looked_for(stage: Stage) -> None:
    """A name that no index can have is not asked for, and is not there."""
    kept = {"ApiType": "Azure", "IndexName": "policies, manuals, ../x"}
    changes = {
        f"{side.hub_id}/connections/search": {
            METADATA: kept | {"ResourceId": f"{side.group_id}/providers/Microsoft.Search/searchServices/srch-{region}"}
        }
        for side, region in ((stage.plan.primary, "eastus2"), (stage.plan.secondary, "westus3"))
    }
    before = len(stage.azure.log)
    with stage.changed(set=changes), documents(stage, policies=1):
        found = [each.path for each in found_by_the_check(stage)]
    assert found == ["search_indexes.search/../x", "search_indexes.search/manuals"]
    asked = {entry.path for entry in list(stage.azure.log)[before:] if entry.service == "search"}
    assert asked == {"/indexes/policies", "/indexes/policies/stats", "/indexes/manuals"}


def test_nobody_is_asked_where_no_connection_names_an_index(stage: Stage) -> None:
    """Microsoft's types of a connection have no field for one: without the entry nothing is known to be needed."""
    changes = {
        f"{side.hub_id}/connections/search": {f"{METADATA}.IndexName": None}
        for side in (stage.plan.primary, stage.plan.secondary)
    }
    before = len(stage.azure.log)
    with stage.changed(set=changes), documents(stage):
        assert stage.findings() == {}
    assert [entry for entry in list(stage.azure.log)[before:] if entry.service == "search"] == []


def test_the_way_home_is_looked_at_as_well(stage: Stage) -> None:
    """While the secondary is active, the primary's service is the standby's."""
    with documents(stage, "eastus2"):
        assert stage.look().ready
        assert not stage.look(Role.SECONDARY).ready
        assert PATH in {each.path for each in stage.record().findings}


def test_each_request_is_the_reader_s_and_has_one_permission(stage: Stage) -> None:
    """Of the service: no key is asked for, and no document is read."""
    before = len(stage.azure.log)
    stage.look()
    asked = [entry for entry in list(stage.azure.log)[before:] if entry.service == "search"]
    assert {(entry.method, entry.path, entry.status) for entry in asked} == {
        ("GET", "/indexes/policies", 200),
        ("GET", "/indexes/policies/stats", 200),
    }
    needs = [rows_for(Who.PROBE, "search", entry.method, entry.path) for entry in asked]
    assert {call.needs for rows in needs for call in rows} == {"Microsoft.Search/searchServices/indexes/read"}
    assert all(len(rows) == 1 for rows in needs)
