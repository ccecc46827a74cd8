"""Print ``docs/permissions.md``: what each permission is for, which call needs it, which role of ``infra/`` gives it.

Permissions and calls come from ``orchestrator.adapters.permissions``, roles from the templates; what each is for stands
here. ``python -m bicepcheck.permissions_doc`` prints, ``--write`` writes the file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from bicepcheck.check import read_all
from bicepcheck.grants import Grant, Grants
from orchestrator.adapters.permissions import BY_HAND, CALLS, ML, Call, Where, Who

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "permissions.md"


class Purpose(NamedTuple):
    """What permissions are for: of an identity, that match a pattern; of all places, or one."""

    who: Who
    needs: str
    purpose: str
    where: Where | None = None


PURPOSES = (
    Purpose(Who.EXECUTOR, "*/workspaces/read", "finds where the workspace's API answers"),
    Purpose(Who.EXECUTOR, "*/jobs/read", "records jobs, and asks whether one runs before it is submitted elsewhere"),
    Purpose(Who.EXECUTOR, "*/jobs/write", "submits jobs"),
    Purpose(Who.EXECUTOR, "*/jobs/cancel/action", "stops the old run of a job that was moved"),
    Purpose(Who.EXECUTOR, "*/startPendingUpload/action", "uploads code to the side that lacks it"),
    Purpose(Who.EXECUTOR, "*/versions/read", "reads assets that jobs name"),
    Purpose(Who.EXECUTOR, "*/versions/write", "registers such an asset at the side that lacks it"),
    Purpose(Who.EXECUTOR, "*/datastores/read", "finds where files of assets and jobs are"),
    Purpose(
        Who.EXECUTOR, "*/datastores/listSecrets/action", "gets the signature with which files of an asset are uploaded"
    ),
    Purpose(Who.EXECUTOR, "*/computes/read", "looks whether a job's cluster is there and can take it"),
    Purpose(
        Who.EXECUTOR, "*/computes/write", "scales a cluster, if a plan has a step `scale_cluster`; given then only"
    ),
    Purpose(
        Who.EXECUTOR,
        "*/onlineEndpoints/*",
        "scales deployments and sets traffic, if a plan has steps `scale_deployment` or `set_traffic`",
    ),
    Purpose(
        Who.EXECUTOR,
        "*/batchEndpoints/*",
        "sets the default deployment of batch endpoints, if a plan has a step `set_batch_default`",
    ),
    Purpose(
        Who.EXECUTOR,
        "*/accounts/deployments/*",
        "scales models of AI services, if a plan has a step `scale_ai_deployment`; given by hand then",
        Where.AI_SERVICES,
    ),
    Purpose(
        Who.EXECUTOR,
        "Microsoft.Authorization/permissions/read",
        "lets the doctor see what the executor's roles allow, so that nothing has to be submitted for it",
        Where.PROJECT,
    ),
    Purpose(Who.EXECUTOR, "*/schedules/*", "enables and disables schedules, if a plan has a step `set_schedules`"),
    Purpose(
        Who.EXECUTOR,
        "Microsoft.Resources/deployments/*",
        "deploys a template, if a plan has a step `deploy_template`; given by hand then",
    ),
    Purpose(
        Who.EXECUTOR,
        "Microsoft.Authorization/permissions/read",
        "lets the doctor see whether the executor may switch it",
        Where.FRONT,
    ),
    Purpose(
        Who.EXECUTOR,
        "*",
        "switches what stands in front of the hubs, if a plan has such a step; given by hand then",
        Where.FRONT,
    ),
    Purpose(
        Who.EXECUTOR, "*/alerts/read", "waits for an alert, if a plan has a step `wait_for_alert`; given by hand then"
    ),
    Purpose(
        Who.EXECUTOR, "Microsoft.*/write", "brings back what was deleted; given only if you ask for it", Where.GROUP
    ),
    Purpose(Who.EXECUTOR, "*/blobs/read", "reads epoch record, jobs and audit", Where.LEDGER),
    Purpose(Who.EXECUTOR, "*/blobs/write", "claims an epoch, records jobs, writes the audit log", Where.LEDGER),
    Purpose(
        Who.EXECUTOR,
        "*/blobs/delete",
        "removes notices that have been told, and a broken record once it is set aside",
        Where.LEDGER,
    ),
    Purpose(Who.EXECUTOR, "*/containers/write", "makes the ledger's container", Where.LEDGER),
    Purpose(Who.EXECUTOR, "*/keyValues/read", "verifies the pointer"),
    Purpose(Who.EXECUTOR, "*/keyValues/write", "publishes the pointer"),
    Purpose(Who.EXECUTOR, "*/events/send/action", "tells notices on the custom topic"),
    Purpose(
        Who.EXECUTOR,
        "*/blobs/read",
        "copies code, build contexts and models, and data that a plan names; looks whether inputs are there",
        Where.STORAGE,
    ),
    Purpose(
        Who.EXECUTOR,
        "*/blobs/write",
        "writes files of assets where datastores have no credentials, and data that a plan names; given then only",
        Where.STORAGE,
    ),
    Purpose(
        Who.EXECUTOR,
        "*/readFileBackupSemantics/action",
        "saves notebooks, if a plan has `data: {save: [notebooks]}`; given by hand then",
    ),
    Purpose(
        Who.PROBE, "*/workspaces/read", "surface `control`: whether Resource Manager knows the workspace", Where.PROJECT
    ),
    Purpose(Who.PROBE, "*/experiments/*", "surfaces `hub` and `jobs`"),
    Purpose(Who.PROBE, "*/score/action", "surface `inference`"),
    Purpose(Who.PROBE, "*/containers/read", "surface `storage`: lists containers, reads no blob"),
    Purpose(Who.PROBE, "*/secrets/readMetadata/action", "surface `keyvault`: lists names, reads no secret"),
    Purpose(Who.PROBE, "*/registries/pull/read", "surface `acr`: asks for a token", Where.REGISTRY),
    Purpose(Who.PROBE, "*/query/read", "polls of logs"),
    Purpose(Who.PROBE, "Microsoft.ResourceHealth/availabilityStatuses/read", "polls of Resource Health"),
    Purpose(Who.PROBE, "Microsoft.ResourceHealth/events/read", "polls of Service Health"),
    Purpose(Who.PROBE, "*/diagnose/read", "readiness: the workspace's own diagnosis"),
    Purpose(Who.PROBE, "*/diagnoseResults/read", "readiness: what that diagnosis came to"),
    Purpose(Who.PROBE, "*/usages/read", "readiness: quota of the standby's region"),
    Purpose(Who.PROBE, "*/vmSizes/read", "readiness: sizes of machines in the standby's region"),
    Purpose(Who.PROBE, "*/locations/read", "readiness: region pairs"),
    Purpose(Who.PROBE, "Microsoft.Resources/subscriptions/read", "recovery: whether a subscription is still there"),
    Purpose(Who.PROBE, "*/deleted*/read", "readiness: names that a deleted resource still holds"),
    Purpose(
        Who.PROBE,
        "Microsoft.Search/searchServices/indexes/read",
        "readiness: whether an index that a connection names is there and has documents; asked of the search service",
        Where.GROUP,
    ),
    Purpose(Who.PROBE, "Microsoft.*/read", "readiness: compares both sides", Where.GROUP),
    Purpose(
        Who.PROBE,
        "Microsoft.AppConfiguration/*/read",
        "readiness: the pointer's store and its replicas",
        Where.SUBSCRIPTION,
    ),
    Purpose(Who.HOST, "*/containers/write", "timers' locks and the deployed package"),
    Purpose(Who.HOST, "*/blobs/write", "the same"),
    Purpose(Who.HOST, "Microsoft.DurableTask/*", "the durable engine"),
    Purpose(Who.HOST, "Microsoft.Insights/telemetry/write", "traces and metrics"),
)
"""The first that fits counts, so the narrower ones stand first."""

INTRODUCTION = """\
# What each permission is for

<!-- Printed by bicepcheck/permissions_doc.py from the table of calls and the templates. Do not edit it here. -->

Every call that hubswitch sends to Azure, the permission that it needs there, what it is for, and the role that `infra/`
gives for it. The table of calls is `orchestrator/adapters/permissions.py`: tests hold the requests of whole outages
against it, and `make templates` holds the roles against it, so that no permission is missing. [Identities and
roles](deploy.md#identities-and-roles) has the same for those who give roles by hand.

*Guess* marks names for which no page was found; none was tried against real Azure. A permission with *data* is one of
the data plane.
"""
TITLES = {
    Who.EXECUTOR: "Executor: switches, records and resubmits",
    Who.PROBE: "Probe: only looks",
    Who.HOST: "Host: the app's own identity",
}


def purpose_of(call: Call) -> Purpose:
    """What a call's permission is for.

    Raises:
        LookupError: nothing is said of it.
    """
    for each in PURPOSES:
        is_here = each.where is None or each.where is call.where
        if each.who is call.who and is_here and fnmatchcase(call.needs.casefold(), each.needs.casefold()):
            return each
    raise LookupError(f"PURPOSES: expected a row for {call.who} {call.needs} at {call.where}")


def document() -> str:
    """The whole page."""
    grants = Grants(read_all(ROOT / "infra", ROOT)).grants
    parts = [INTRODUCTION]
    for who, title in TITLES.items():
        parts += [f"## {title}\n", *_tables(who, grants)]
    return "\n".join(parts)


def _tables(who: Who, grants: list[Grant]) -> Iterator[str]:
    for where in Where:
        rows: dict[str, list[Call]] = {}
        for call in CALLS:
            if (call.who, call.where) == (who, where):
                rows.setdefault(call.needs, []).append(call)
        if rows:
            lines = [_row(calls, grants) for calls in rows.values()]
            head = ["| permission | for | call | role |", "|---|---|---|---|"]
            yield "\n".join([f"At {where}:\n", *head, *lines, ""])


def _row(calls: list[Call], grants: list[Grant]) -> str:
    first = calls[0]
    marks = [name for name, is_so in (("data", first.is_data), ("guess", first.is_guess)) if is_so]
    shown = f"`{first.needs}`" + (f" *{', '.join(marks)}*" if marks else "")
    sent = dict.fromkeys(f"`{call.method} {_path(call)}`" for call in calls if call.service)
    roles = dict.fromkeys(
        _role(grant.role.name)
        for grant in grants
        if (grant.who, grant.where) == (first.who.value, first.where)
        and grant.role.allows(first.needs, is_data=first.is_data)
    )
    given = "one that you give by hand" if first.where in BY_HAND else ", ".join(roles)
    return f"| {shown} | {purpose_of(first).purpose} | {', '.join(sent) or 'the host sends it'} | {given} |"


def _path(call: Call) -> str:
    """A pattern as people read it."""
    path = re.sub(r"\(\?:/\[\^/\]\+\)\?", "[/…]", call.path.removeprefix("^")).replace("[^/]+", "…")
    path = path.replace("\\.", ".").replace(".+", "…")
    if path.startswith(f"/providers/{ML}/"):
        path = path.removeprefix("/providers/Microsoft.MachineLearningServices")
    return path or "/…"


def _role(name: str) -> str:
    """`storageBlobDataReader` is Storage Blob Data Reader; roles that end in Role are the templates' own."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    if name.endswith("Role"):
        return f"custom role *{words.removesuffix(' Role').lower()}*"
    return {"acrPull": "AcrPull", "eventGridDataSender": "EventGrid Data Sender"}.get(
        name, words[:1].upper() + words[1:]
    )


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        TARGET.write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())
