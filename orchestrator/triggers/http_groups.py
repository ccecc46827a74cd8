"""``POST groups/{name}/failover`` and ``failback``: order every pair of a recovery group."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import Value
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.schedule import beat_of
from orchestrator.ports import UNDER_WAY, Engine
from orchestrator.triggers.answers import problem
from orchestrator.triggers.callers import name_caller
from orchestrator.triggers.http_pairs import Handler, Words, accept_run, body_of, guard, place_of
from orchestrator.workflows import calls, names
from orchestrator.workflows.group_messages import group_order, group_run_prefix
from orchestrator.workflows.messages import RunKind

LONGEST_RUN = timedelta(days=7)
"""A run of a group that was begun earlier is not looked for."""


class GroupBody(Value, kw_only=True):
    """Body of an order to a group: why, and by whom if the platform does not say."""

    reason: Words
    by: Words = ""
    graceful: bool = False
    """Of a failover: a planned one, away from sides that are well."""


def start(deployment: Deployment, kind: RunKind) -> Handler:
    """202 with the run to follow; 409 if a run of the group is under way, in either direction.

    Whether a pair takes its order shows in the run.
    """

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        name = req.route_params["name"]
        group = deployment.groups.get(name)
        if group is None:
            known = ", ".join(sorted(deployment.groups)) or "none"
            return problem(HTTPStatus.NOT_FOUND, f"there is no group {name!r}; there are: {known}")
        asked = body_of(req, GroupBody)
        if asked.graceful and kind is RunKind.FAILBACK:
            raise InvalidInput(place_of(req), "graceful", "nothing, for a failback is always planned", "true")
        now = deployment.clock.now()
        for each in RunKind:
            found = await engine.started_since(group_run_prefix(name, each), now - LONGEST_RUN)
            running = next((run.id for run in found if run.name == names.GROUP_RUN and run.status in UNDER_WAY), None)
            if running:
                return problem(HTTPStatus.CONFLICT, f"{running} is under way")
        by = name_caller(req, deployment.settings, asked.by)
        beat = min(beat_of(deployment.plans[member.pair].policy) for member in group.pairs)
        order = group_order(group, kind, asked.reason, by, now, graceful=asked.graceful, beat=beat)
        return accept_run(await calls.switch_group(engine, order))

    return guard(handler)
