"""Real bodies and hand-written cases, if they are at hand beside this repository."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite import JobMap, Rewrite, leaks, map_from, rewrite
from orchestrator.core.plan.schema import TABLES

CORPUS = Path(__file__).parents[4].parent / "shared" / "corpus"
SIDES = {
    "from": {
        "subscription": "11111111-1111-1111-1111-111111111111",
        "resource_group": "rg-primary",
        "workspace": "proj-primary",
    },
    "to": {"subscription": "22222222-2222-2222-2222-222222222222", "resource_group": "rg-2", "workspace": "proj-2"},
}
READ_ONLY = re.compile(
    r"/(?:id|name|type|systemData)|/properties/(?:status|services/(?:Tracking|Studio|[^/]+/(?:status|errorMessage|endpoint)))"
)
ASSET = re.compile(
    r"/workspaces/proj-primary/(codes|environments|components|data|models)/[^/]+/(?:versions|labels)/[^/]+"
)


def bodies() -> list[Path]:
    return sorted([*(CORPUS / "jobs").glob("*.json"), *(CORPUS / "jobs2" / "bodies").glob("*.json")])


def snapshot_beside(file: Path) -> dict[str, Any]:
    """The assets that the bodies of a folder name."""
    name = "jobs2/bodies_assets.json" if file.parent.name == "bodies" else "jobs_assets.json"
    return dict(json.loads((CORPUS / name).read_text()))


def cases() -> list[Path]:
    return sorted([file for folder in ("jobs", "jobs2") for file in (CORPUS / folder / "cases").glob("*.json")])


needs_corpus = pytest.mark.skipif(not bodies(), reason="the shared corpus is not here")


def turned_round(data: dict[str, Any]) -> dict[str, Any]:
    tables = {name: {new: old for old, new in data.get(name, {}).items()} for name in TABLES}
    return {**data, **tables, "from": data["to"], "to": data["from"]}


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two bodies differ, but for read-only fields that are gone."""
    if READ_ONLY.fullmatch(path) and after is None:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from differences(before.get(key), after.get(key), below)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}/{n}")
    elif before != after:
        yield path, before, after


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a body, with its pointer."""
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from strings(item, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")


def at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value.get(key)
    return value


def hold_always(body: dict[str, Any], data: dict[str, Any], result: Rewrite, *, exact: bool = True) -> None:
    """What must hold of every rewriting, whatever the case is about."""
    changed = {path: (old, new) for path, old, new in differences(body, result.body)}
    assert {change.path: (change.from_, change.to) for change in result.rewritten} == changed
    for stayed in (*result.kept, *result.unmapped):
        assert at(body, stayed.path) == stayed.value
    assert rewrite(result.body, map_from(data, "map")).body == result.body
    if not result.unmapped:
        back = rewrite(result.body, map_from(turned_round(data), "back")).body
        same = (lambda value: value) if exact else (lambda value: json.dumps(value).casefold())
        assert [path for path, old, new in differences(body, back) if same(old) != same(new)] == []
        assert list(leaks(result.body, map_from(data, "map"))) == []


def assets_named(value: Any, snapshot: dict[str, Any], found: set[str]) -> set[str]:
    """The closure, found by a dumb search over all strings."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            assets_named(item, snapshot, found)
    elif isinstance(value, str) and ASSET.search(value) and value.removeprefix("azureml:") not in found:
        found.add(value.removeprefix("azureml:"))
        assets_named(snapshot.get(value.removeprefix("azureml:"), {}).get("body"), snapshot, found)
    return found


@needs_corpus
@pytest.mark.parametrize("file", bodies(), ids=lambda file: file.stem[-60:])
def test_a_real_body_is_rewritten_without_loss(file: Path) -> None:
    """No old reference is left, there and back is the identity, twice is once, and the needs are complete."""
    body = json.loads(file.read_text())["body"]
    snapshot = snapshot_beside(file)
    data = {**SIDES, "same_names": True}
    result = rewrite(body, map_from(data, "map"), snapshot)
    hold_always(body, data, result)
    assert result.unmapped == ()
    noted = [path for note in result.notes for path in note.rpartition(": ")[2].split(", ")]
    assert [path for path, text in strings(result.body) if "proj-primary" in text and path not in noted] == []
    moved = {
        spelt.replace(SIDES["from"]["subscription"], SIDES["to"]["subscription"])
        .replace("/rg-primary/", "/rg-2/")
        .replace("/proj-primary/", "/proj-2/")
        for spelt in assets_named(body, snapshot, set())
    }
    assert {need.id for need in result.needs} == moved


@needs_corpus
@pytest.mark.parametrize("file", bodies(), ids=lambda file: file.stem[-60:])
def test_a_real_body_under_a_map_without_names_passes_nothing_through(file: Path) -> None:
    """What is not listed is reported, and the rest is done all the same."""
    body = json.loads(file.read_text())["body"]
    result = rewrite(body, map_from(SIDES, "map"))
    hold_always(body, SIDES, result)
    reported = {stayed.path for stayed in (*result.unmapped, *result.kept)}
    assert {leak.path for leak in leaks(result.body, map_from(SIDES, "map"))} <= reported


@pytest.mark.skipif(not cases(), reason="the shared cases are not here")
@pytest.mark.parametrize("file", cases(), ids=lambda file: file.stem)
def test_a_case_holds(file: Path) -> None:
    """As the file itself says, with and without its snapshot of assets."""
    case = json.loads(file.read_text())
    if "body" not in case:
        pytest.skip("about files that are no JSON; the command is tested with such")
    if case["expect"].get("exit") == 2:
        with pytest.raises(InvalidInput):
            rewrite(case["body"], map_from(case["map"], "map"))
        return
    body = grown(case["body"], case.get("repeat", {}))
    for assets in (None, case.get("assets")):
        judge(case, body, rewrite(copy.deepcopy(body), map_from(case["map"], "map"), assets))


def grown(body: dict[str, Any], repeat: dict[str, Any]) -> dict[str, Any]:
    for pointer, copies in repeat.get("members", {}).items():
        above, _, name = pointer.rpartition("/")
        at(body, above).update({f"{name}_{n:05}": copy.deepcopy(at(body, pointer)) for n in range(copies)})
    for pointer, times in repeat.get("text", {}).items():
        above, _, name = pointer.rpartition("/")
        at(body, above)[name] *= times
    return body


def judge(case: dict[str, Any], body: dict[str, Any], result: Rewrite) -> None:
    expect = case["expect"]
    any_case = case["name"].startswith("odd-casing")
    same = str.casefold if any_case else str
    assert {p: same(at(result.body, p)) for p in expect.get("to", {})} == {
        p: same(v) for p, v in expect.get("to", {}).items()
    }
    for pointer, allowed in expect.get("either", {}).items():
        assert at(result.body, pointer) in [*allowed, at(body, pointer)]
    for pointer in expect.get("same", []):
        assert at(result.body, pointer) == at(body, pointer)
    for pointer in expect.get("gone", []):
        assert at(result.body, pointer) is None
    unmapped = {missed.path for missed in result.unmapped}
    if "unmapped" in expect:
        assert set(expect["unmapped"]) <= unmapped <= {*expect["unmapped"], *expect.get("may_unmapped", [])}
    if "exit" in expect:
        assert (3 if unmapped else 0) == expect["exit"]
    needs = {(need.kind, need.id.casefold()) for need in result.needs}
    assert {(need["kind"], need["id"].casefold()) for need in expect.get("needs", [])} <= needs
    reported = {c.path for c in result.rewritten} | {s.path for s in (*result.kept, *result.unmapped)}
    for pointer in expect.get("reported", []):
        assert pointer in reported or any(pointer in note for note in result.notes)
    hold_always(body, case["map"], result, exact=not any_case)


def test_a_map_of_the_corpus_can_be_turned_round() -> None:
    """The helper of this module does what it says, also without the corpus."""
    data = {**SIDES, "computes": {"a": "b"}}
    back: JobMap = map_from(turned_round(data), "back")
    assert (back.from_.workspace, back.computes) == ("proj-2", {"b": "a"})
