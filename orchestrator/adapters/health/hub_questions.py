"""What is asked of a hub's own API, in order of preference, and what a good answer to each question looks like.

======== ==================================== =================================== =====================================
surface  question                             known from                          a good answer
======== ==================================== =================================== =====================================
hub      ``POST experiments:query``           specification (2019-09-30)          200 with the list ``value``
hub      ``POST entities`` of the index       recorded traffic                    200 with the list ``value``
jobs     ``POST rundata`` of no run           recorded traffic                    404 that our run was not found, or 200
                                                                                  with ``runMetadata``
jobs     ``POST experiments/…/runs:query``    specification (2019-09-30)          200 with the list ``value``
======== ==================================== =================================== =====================================

No question says what a hub is that answers it with 404, 405 or 501: another one may be known there. A hub that knows
none of them is blind, never bad. The specification is the data plane of run history in Azure/azure-rest-api-specs;
recorded traffic is that of Microsoft's own clients in their public test recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.adapters.health.answer_meanings import NOT_KNOWN
from orchestrator.adapters.http.errors import codes_of
from orchestrator.core.base.codec import decode
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import Surface
from orchestrator.core.plan.schema import Hub

READ_AT_MOST = 64 * 1024
"""Bytes of an answer that are read. What is longer is not looked into."""

NO_RUN = "hubswitch-probe-asks-for-no-run"
"""A run that nobody has: that it is not there is known only to a service that has looked."""

DEFAULT_EXPERIMENT = "Default"
"""The experiment of jobs that name none (Azure Machine Learning's REST reference, ``experimentName``)."""


class HubQuestion(NamedTuple):
    """One question, as a row of the table."""

    surface: Surface
    name: str
    """As people are told: the method, and the path without the workspace."""

    path: str
    """``{project}`` is the workspace's ARM id."""

    body: Mapping[str, Any]
    field: str
    """What the JSON object of a 200 holds."""

    kind: type[list[Any] | dict[str, Any]]
    """What ``field`` is."""

    source: str
    missing_is_good: bool = False
    """A 404 in the words of run history, that our run was not found, is a good answer."""


_SPECIFIED = "specification of run history, data plane 2019-09-30"
_RECORDED = "recorded traffic of Microsoft's clients"

HUB_QUESTIONS = (
    HubQuestion(
        surface=Surface.HUB,
        name="POST experiments:query",
        path="/history/v1.0{project}/experiments:query",
        body={"top": 1},
        field="value",
        kind=list,
        source=f"{_SPECIFIED}: Experiments_GetByQuery",
    ),
    HubQuestion(
        surface=Surface.HUB,
        name="POST index entities",
        path="/index/v1.0{project}/entities",
        body={"filters": [{"field": "type", "operator": "eq", "values": ["runs"]}], "pageSize": 1, "skip": 0},
        field="value",
        kind=list,
        source=_RECORDED,
    ),
    HubQuestion(
        surface=Surface.JOBS,
        name="POST rundata",
        path="/history/v1.0{project}/rundata",
        body={"runId": NO_RUN, "selectRunMetadata": True},
        field="runMetadata",
        kind=dict,
        source=_RECORDED,
        missing_is_good=True,
    ),
    HubQuestion(
        surface=Surface.JOBS,
        name="POST runs:query",
        path=f"/history/v1.0{{project}}/experiments/{DEFAULT_EXPERIMENT}/runs:query",
        body={"top": 1},
        field="value",
        kind=list,
        source=f"{_SPECIFIED}: Runs_GetByQuery",
    ),
)


def url_of(question: HubQuestion, hub: Hub) -> str:
    """Where a hub is asked whose ``api`` is known."""
    return f"{(hub.api or '').rstrip('/')}{question.path.format(project=hub.project_id)}"


def says_that_no_run_is_there(question: HubQuestion, status: int, body: bytes) -> bool:
    """Whether an answer is run history's own 404 for the run that we asked for, and no gateway's."""
    if not question.missing_is_good or status != 404:
        return False
    found = _object_in(body)
    error = found.get("error") if found else None
    if not isinstance(error, dict) or "NotFoundError" not in codes_of(error):
        return False
    return NO_RUN in f"{error.get('message')} {error.get('messageParameters')}"


def is_known(question: HubQuestion, status: int, body: bytes) -> bool:
    """Whether what answered knows the question."""
    return status not in NOT_KNOWN or says_that_no_run_is_there(question, status, body)


def is_answer(question: HubQuestion, body: bytes) -> bool:
    """Whether the body of a 200 is an answer to the question, and not somebody else's page."""
    if len(body) >= READ_AT_MOST:  # cut off, so that it cannot be decoded
        return body.lstrip()[:1] == b"{"
    found = _object_in(body)
    return found is not None and isinstance(found.get(question.field), question.kind)


def _object_in(body: bytes) -> dict[str, Any] | None:
    try:
        return decode(body, dict[str, Any], "an answer of the hub")
    except (HubswitchError, RecursionError):
        return None
