"""Labels such as ``@latest`` become the versions that they meant, so that both sides run the same."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from orchestrator.core.jobs.assets import Assets, asset_id
from orchestrator.core.jobs.rewrite.closure import Closure
from orchestrator.core.jobs.rewrite.json_pointer import put_at, value_at
from orchestrator.core.jobs.rewrite.name_map import Workspace
from orchestrator.core.jobs.rewrite.references import references, short_name


def pinned(body: Mapping[str, Any], workspace: Workspace, versions: Mapping[str, str]) -> dict[str, Any]:
    """A copy of a job's or an asset's body that names versions where it named labels.

    Args:
        body: ARM JSON. It stays as it is.
        workspace: whose assets are meant.
        versions: ARM id with the label (``…/environments/e/labels/latest``) -> version. Others stay labels.
    """
    known = {spelt.casefold(): version for spelt, version in versions.items()}
    made = copy.deepcopy(dict(body))
    for place in Closure(workspace, Assets()).places(body) if known else ():
        version = known.get(place.id.casefold())
        if version is not None:
            put_at(made, place.pointer, _with_version(value_at(made, place.pointer), place.id, version))
    return made


def _with_version(text: str, spelt: str, version: str) -> str:
    if "/" not in text:
        short = short_name(text)
        return f"{short.lead}{short.name}:{version}" if short else text
    wanted = {asset_id(reference) for reference in references(spelt)}
    pieces, last = [], 0
    for reference in references(text):
        if asset_id(reference) in wanted and reference.part("by"):
            start, end = reference.found.start("by"), reference.found.end("version")
            pieces += [text[last:start], f"versions/{version}"]
            last = end
    return "".join((*pieces, text[last:]))
