"""Rewrite a job's ARM body for another workspace, with an account of every reference.

Nothing is passed through that the map does not know: it is reported as unmapped, and the value stays as it was.
A closing scan (``orchestrator.core.jobs.rewrite.leak_scan``) proves of the result that nothing else names the old side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.jobs.rewrite.closure import AssetBodies, Closure
from orchestrator.core.jobs.rewrite.compute_inputs import ComputeInputs
from orchestrator.core.jobs.rewrite.json_pointer import put_at, value_at
from orchestrator.core.jobs.rewrite.leak_scan import Scan, is_text_place
from orchestrator.core.jobs.rewrite.name_map import JobMap
from orchestrator.core.jobs.rewrite.read_only import ENVELOPE, as_contracted, asset_without_read_only
from orchestrator.core.jobs.rewrite.references import references
from orchestrator.core.jobs.rewrite.report import Findings, Rewrite
from orchestrator.core.jobs.rewrite.rules import Rules
from orchestrator.core.jobs.rewrite.walk import Walk

WHERE = "the job's body"
ASSET_KINDS = frozenset({"code", "environment", "component", "data", "model"})


def rewrite(body: Mapping[str, Any], job_map: JobMap, assets: Mapping[str, Any] | None = None) -> Rewrite:
    """The body for the workspace ``job_map.to``. The argument stays as it is.

    Args:
        body: ARM JSON as for PUT or from GET. Of the latter only the fields of the contract go; see
            ``without_read_only`` for what a strict service refuses besides.
        job_map: names on the other side.
        assets: snapshot ``{ARM id: {"body": …}}``; with it ``needs`` holds the whole closure.

    Raises:
        InvalidInput: the body is no job.
    """
    return Rewriter(job_map, assets).job(body)


def rewrite_asset(kind: str, body: Mapping[str, Any], job_map: JobMap) -> Rewrite:
    """The ARM body of an asset version, for recreation under the same name on the other side.

    Raises:
        InvalidInput: ``kind`` is none of code, environment, component, data, model, or the body has no properties.
    """
    return Rewriter(job_map).asset(kind, body)


class Rewriter:
    """One map, made ready for many bodies."""

    def __init__(self, job_map: JobMap, assets: Mapping[str, Any] | None = None) -> None:
        self._map = job_map
        self._tables = Rules(job_map)
        self._scan = Scan(job_map)
        self._assets = AssetBodies(assets)
        self._has_assets = assets is not None

    def job(self, body: Mapping[str, Any]) -> Rewrite:
        """See ``rewrite``."""
        job_of(body)
        try:
            return self._job(body)
        except RecursionError as fault:
            raise InvalidInput(WHERE, "", "objects in objects to a sane depth", "more than can be read") from fault

    def asset(self, kind: str, body: Mapping[str, Any]) -> Rewrite:
        """See ``rewrite_asset``."""
        if kind not in ASSET_KINDS:
            raise InvalidInput("the kind of asset", "", " or ".join(sorted(ASSET_KINDS)), repr(kind))
        if not isinstance(body.get("properties"), dict):
            raise InvalidInput(f"the body of a {kind}", "properties", "an object", "none")
        return self._walk(asset_without_read_only(body))[0]

    def _job(self, body: Mapping[str, Any]) -> Rewrite:
        sent = as_contracted(body)
        result, found = self._walk(sent)
        gone = sorted(ENVELOPE & body.keys())
        if gone:
            found.notes.insert(0, f"read-only fields do not go out again: {', '.join(gone)}")
        if self._has_assets:
            self._whole_closure(sent, found)
        return found.result(result.body)

    def _walk(self, sent: dict[str, Any]) -> tuple[Rewrite, Findings]:
        literals = ComputeInputs(self._assets)
        literals.visit(sent["properties"], "/properties")
        walk = Walk(self._tables, literals.literals)
        new = walk.envelope(sent)
        self._close(new, sent, walk.found)
        return walk.found.result(new), walk.found

    def _close(self, new: dict[str, Any], sent: dict[str, Any], found: Findings) -> None:
        """Report what the closing scan finds and nobody has reported; a value with a leak goes back to what it was."""
        for leak in self._scan.of(new):
            if leak.path in found.unmapped:
                continue
            value = value_at(sent, leak.path)
            if leak.path in found.changes:
                del found.changes[leak.path]
                put_at(new, leak.path, value)
            why = f"{leak.what} is named here in a spelling that cannot be rewritten"
            if is_text_place(leak.path):
                found.keep(leak.path, value, f"it is a text for people, and {why}")
            else:
                found.kept.pop(leak.path, None)
                found.miss(leak.path, value, why)

    def _whole_closure(self, sent: dict[str, Any], found: Findings) -> None:
        for _, spelt in Closure(self._map.from_, self._assets, short_names=False).of(sent):
            for reference in references(spelt):
                verdict = self._tables.verdict(reference, spelt)
                if verdict and verdict.need:
                    found.need(verdict.need)
                elif verdict and verdict.unmapped:
                    found.remark(f"an asset behind the job cannot be mapped, for {verdict.unmapped}", spelt)


def job_of(body: Any) -> dict[str, Any]:
    """The ``properties`` of a job's body.

    Raises:
        InvalidInput: the body is no job.
    """
    if not isinstance(body, Mapping):
        raise InvalidInput(WHERE, "", "an object with properties", type(body).__name__)
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise InvalidInput(WHERE, "properties", "an object", type(properties).__name__)
    kind = properties.get("jobType")
    if not isinstance(kind, str) or not kind:
        raise InvalidInput(WHERE, "properties.jobType", "the type of the job, such as Command", repr(kind)[:60])
    return properties
