"""Jobs as ARM JSON: what they name, and how they read in another workspace. Pure, table-driven.

``rewrite`` is the core; ``without_read_only`` goes before it where the body came from GET, and
``tags.add_origin_tags`` after it.
"""

from __future__ import annotations

from orchestrator.core.jobs.rewrite.closure import closure, pin_versions
from orchestrator.core.jobs.rewrite.leak_scan import Leak, leaks
from orchestrator.core.jobs.rewrite.name_map import JobMap, Workspace, job_map, map_from, workspace_of
from orchestrator.core.jobs.rewrite.read_only import asset_without_read_only, without_read_only
from orchestrator.core.jobs.rewrite.report import Needed, Replacement, Rewrite, Stayed
from orchestrator.core.jobs.rewrite.rewrite import Rewriter, rewrite, rewrite_asset

__all__ = [
    "JobMap",
    "Leak",
    "Needed",
    "Replacement",
    "Rewrite",
    "Rewriter",
    "Stayed",
    "Workspace",
    "asset_without_read_only",
    "closure",
    "job_map",
    "leaks",
    "map_from",
    "pin_versions",
    "rewrite",
    "rewrite_asset",
    "without_read_only",
    "workspace_of",
]
