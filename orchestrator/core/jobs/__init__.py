"""Jobs as ARM JSON: what they name, and how they read in another workspace. Pure, table-driven.

``rewrite`` is the core; ``without_read_only`` goes before it where the body came from GET, ``stamped`` after it.
"""

from __future__ import annotations

from orchestrator.core.jobs.carrying import CHECKPOINT_VARIABLE, checkpoint_of, with_checkpoint, with_outputs_of
from orchestrator.core.jobs.closure import closure
from orchestrator.core.jobs.findings import Change, Needed, Rewrite, Stayed
from orchestrator.core.jobs.mapping import JobMap, Workspace, job_map, map_from
from orchestrator.core.jobs.origin import (
    deadline_of,
    identity_of,
    lineage_of,
    owner_of,
    parent_of,
    schedule_of,
    sweep_of,
)
from orchestrator.core.jobs.pins import pinned
from orchestrator.core.jobs.policy import policy_of, priority_of, runs_as_user, stamped
from orchestrator.core.jobs.readonly import asset_without_read_only, without_read_only
from orchestrator.core.jobs.rewrite import Rewriter, rewrite, rewrite_asset
from orchestrator.core.jobs.scan import Leak, leaks

__all__ = [
    "CHECKPOINT_VARIABLE",
    "Change",
    "JobMap",
    "Leak",
    "Needed",
    "Rewrite",
    "Rewriter",
    "Stayed",
    "Workspace",
    "asset_without_read_only",
    "checkpoint_of",
    "closure",
    "deadline_of",
    "identity_of",
    "job_map",
    "leaks",
    "lineage_of",
    "map_from",
    "owner_of",
    "parent_of",
    "pinned",
    "policy_of",
    "priority_of",
    "rewrite",
    "rewrite_asset",
    "runs_as_user",
    "schedule_of",
    "stamped",
    "sweep_of",
    "with_checkpoint",
    "with_outputs_of",
    "without_read_only",
]
