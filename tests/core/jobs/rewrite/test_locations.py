"""Assets that are named by region and GUID of their workspace, as Azure ML's own answers name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, Workspace, closure, leaks, map_from, pin_versions, rewrite
from orchestrator.core.jobs.rewrite.data_uses import data_uses

type MakeJob = Callable[..., dict[str, Any]]

HERE = "0a0a0a0a-1111-4111-8111-0123456789ab"
THERE = "0b0b0b0b-2222-4222-8222-0123456789ab"
THIRD = "0c0c0c0c-3333-4333-8333-0123456789ab"
OLD = f"azureml://locations/northregion/workspaces/{HERE}"
NEW = f"azureml://locations/southregion/workspaces/{THERE}"


def map_of(
    old: Workspace, new: Workspace, *, here: str = HERE, there: str = THERE, region: str = "southregion"
) -> JobMap:
    def side(workspace: Workspace, region: str, guid: str) -> dict[str, str]:
        names = {name: getattr(workspace, name) for name in ("subscription", "resource_group", "workspace")}
        return {**names, "region": region, "guid": guid}

    sides = {"from": side(old, "northregion", here), "to": side(new, region, there)}
    return map_from({**sides, "datastores": {"lake": "lake_s"}, "environments": {"train": "train-s"}}, "map.json")


def reads(command: MakeJob, uri: str) -> dict[str, Any]:
    return command(inputs={"d": {"jobInputType": "uri_folder", "uri": uri}})


@pytest.mark.parametrize(
    ("behind", "moved", "need"),
    [
        ("/data/rows/versions/3", "/data/rows/versions/3", ("data", "/data/rows/versions/3")),
        ("/models/Net/labels/latest", "/models/Net/labels/latest", ("model", "/models/Net/labels/latest")),
        (
            "/environments/train/versions/1",
            "/environments/train-s/versions/1",
            ("environment", "/environments/train-s/versions/1"),
        ),
        ("/datastores/lake/paths/a b/c", "/datastores/lake_s/paths/a b/c", None),
        ("", "", None),
    ],
)
def test_a_location_is_mapped_like_the_long_form(
    behind: str, moved: str, need: tuple[str, str] | None, command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """Region, GUID and names change, the spelling stays; what must exist is told by its ARM id."""
    made = map_of(old, new)
    result = rewrite(reads(command, OLD.upper().replace("AZUREML", "azureml") if not behind else OLD + behind), made)
    assert result.unmapped == ()
    assert result.body["properties"]["inputs"]["d"]["uri"].casefold() == (NEW + moved).casefold()
    assert [(each.kind, each.id) for each in result.needs] == ([(need[0], new.id + need[1])] if need else [])
    assert list(leaks(result.body, made)) == []
    assert rewrite(result.body, made).body == result.body


@pytest.mark.parametrize("lack", [{"here": ""}, {"there": ""}, {"region": ""}])
def test_without_both_guids_it_is_unmapped(
    lack: dict[str, str], command: MakeJob, old: Workspace, new: Workspace
) -> None:
    """It is never taken for another workspace's, and never moved as it is."""
    result = rewrite(reads(command, f"{OLD}/data/rows/versions/3"), map_of(old, new, **lack))
    assert [missed.path for missed in result.unmapped] == ["/properties/inputs/d/uri"]
    assert "GUID" in result.unmapped[0].why


def test_a_third_workspace_s_stays(command: MakeJob, old: Workspace, new: Workspace) -> None:
    """As with its long form, and it is told."""
    uri = OLD.replace(HERE, THIRD) + "/data/rows/versions/3"
    result = rewrite(reads(command, uri), map_of(old, new))
    assert (result.unmapped, [stayed.value for stayed in result.kept]) == ((), [uri])


@pytest.mark.parametrize("behind", ["/jobs/calm_sea/outputs/x", "/datastores/other/paths/a", "/data/<name>/versions/1"])
def test_what_the_map_does_not_know_is_unmapped(behind: str, command: MakeJob, old: Workspace, new: Workspace) -> None:
    """Outputs of runs, names without an entry, names that are none."""
    assert len(rewrite(reads(command, OLD + behind), map_of(old, new)).unmapped) == 1


def test_it_is_captured_pinned_and_looked_for(command: MakeJob, old: Workspace, new: Workspace) -> None:
    """The closure knows it by its ARM id, a label becomes the version that it meant, and its data are data."""
    here = map_of(old, new).from_
    label = f"{old.id}/data/rows/labels/latest"
    body = reads(command, f"{OLD}/data/rows/labels/latest")
    assert closure(body, here) == (("data", label),)
    assert closure(body, old) == ()
    pinned = pin_versions(body, here, {label: "7"})
    assert pinned["properties"]["inputs"]["d"]["uri"] == f"{OLD}/data/rows/versions/7"
    (use,) = data_uses(reads(command, f"{OLD}/datastores/lake/paths/a"), here)
    assert (use.datastore, use.path, use.is_short) == ("lake", "a", False)


def test_the_scan_finds_what_the_rules_forget(old: Workspace, new: Workspace) -> None:
    """Percent-encoded, in a place that nobody reads."""
    body = {"properties": {"command": f"x {OLD}/data".replace("/", "%2F")}}
    assert [leak.what for leak in leaks(body, map_of(old, new))] == ["the old workspace's GUID"]


@pytest.mark.parametrize(("field", "value"), [("guid", "17"), ("guid", 17), ("region", "a b"), ("region", [])])
def test_a_map_with_a_guid_that_is_none_is_refused(field: str, value: object) -> None:
    """The field is named."""
    names = {"subscription": "s", "resource_group": "g", "workspace": "a"}
    with pytest.raises(InvalidInput, match=rf"from\.{field}"):
        map_from({"from": {**names, field: value}, "to": {**names, "workspace": "b"}}, "map")
