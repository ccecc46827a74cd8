"""Every HTTP route of the app, in one table: the registration binds what stands here, OpenAPI describes it.

A handler without a row cannot be bound (``route_named`` raises), so no route goes without a description.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.core.decision.commands import ANSWERS, Do
from orchestrator.core.decision.decision_log import LIMIT as MOST_DECISIONS
from orchestrator.triggers.callers import CallerRole
from orchestrator.triggers.http_audit import MOST as MOST_AUDIT
from orchestrator.triggers.http_audit import TOLD as AUDIT_TOLD
from orchestrator.triggers.http_evidence import FinaliseBody
from orchestrator.triggers.http_groups import GroupBody
from orchestrator.triggers.http_history import TOLD as DECISIONS_TOLD
from orchestrator.triggers.http_pairs import AnswerBody, CommandBody, DrillBody, SkipBody, WishBody
from orchestrator.triggers.http_recover import RecoverBody
from orchestrator.triggers.http_runs import MOST as MOST_RUNS
from orchestrator.triggers.http_runs import TOLD as RUNS_TOLD
from orchestrator.workflows.messages import RunKind


class RouteAccess(StrEnum):
    """Who may call."""

    ANYBODY = "anybody"
    KEY = "key"
    """Whoever has a function key of the app or a key of its host."""


class Query(NamedTuple):
    """A parameter behind the question mark. None is required."""

    name: str
    about: str
    schema: Mapping[str, Any]


class Reply(NamedTuple):
    """An answer that is no problem."""

    about: str
    shapes: tuple[str, ...] = ()
    """Of its JSON one of these types of ``answer_shapes``, or ``object``; none for a body that is no JSON, or none.
    Names, because a worker that is asked for nothing should not pay for the types."""

    text: tuple[str, ...] = ()
    """Media types of answers that are text."""

    headers: Mapping[str, str] = {}
    """Name -> what it says."""


class Route(NamedTuple):
    """One row."""

    name: str
    """Of the function, and the operation's id."""

    path: str
    """Below ``/api/``; of a page below ``/``."""

    summary: str
    answers: Mapping[int, Reply]
    problems: tuple[int, ...] = ()
    """Statuses that come with problem details, besides 401 without a body where a key is needed."""

    methods: tuple[str, ...] = ("GET",)
    access: RouteAccess = RouteAccess.KEY
    role: CallerRole | None = CallerRole.READER
    """App role that somebody who has signed in needs; None where nobody signs in: health, and what Azure delivers."""

    query: tuple[Query, ...] = ()
    body: Any = None
    """Shape of the JSON that is sent; ``ANY_DELIVERY`` for what Azure delivers."""


ANY_DELIVERY = "delivery"
"""Event Grid's two schemas and the action groups' shapes: what they hold is Azure's matter."""

_FOLLOW = {"Location": "Path of where it shows what became of this."}
_SINCE = Query("since", "A day or a time (UTC) from which on; yesterday.", {"type": "string"})


def _limit(usual: int, most: int) -> Query:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Query("limit", "How many at most.", schema)


_SUMMARIES = {
    Do.APPROVE: "Say yes to a proposal.",
    Do.REJECT: "Say no to a proposal.",
    Do.ACKNOWLEDGE: "Say that a switch, a deletion or a failed run has been seen.",
    Do.PAUSE: "Let nothing of the pair be switched until it is resumed.",
    Do.RESUME: "End a pause.",
    Do.FAILOVER: "Leave the active side, well or not.",
    Do.FAILBACK: "Go back to the primary.",
}


def _command(do: Do, body: type[CommandBody]) -> Route:
    answers = {202: Reply("Handed over.", ("OrderTaken",), headers=_FOLLOW)}
    problems = (400, 404, 409, 413, 500, 503)
    role = CallerRole.APPROVER if do in ANSWERS else CallerRole.OPERATOR
    path = f"pairs/{{pair}}/{do}"
    return Route(f"{do}_pair", path, _SUMMARIES[do], answers, problems, ("POST",), role=role, body=body)


def _command_of_all(do: Do) -> Route:
    summary = "Let nothing be switched anywhere until it is resumed." if do is Do.PAUSE else "End a pause of all pairs."
    answers = {202: Reply("Stored.", ("OrderOfAllTaken",))}
    role, problems = CallerRole.OPERATOR, (400, 413, 503)
    return Route(f"{do}_everything", do.value, summary, answers, problems, ("POST",), role=role, body=CommandBody)


def _group_order(kind: RunKind) -> Route:
    summary = f"Order the {kind} of every pair of a group, in the group's order."
    headers = _FOLLOW | {"Retry-After": "Seconds until a first look."}
    answers = {202: Reply("Started.", ("RunStarted",), headers=headers)}
    role, problems = CallerRole.OPERATOR, (400, 404, 409, 413, 503)
    path = f"groups/{{name}}/{kind}"
    return Route(f"{kind}_group", path, summary, answers, problems, ("POST",), role=role, body=GroupBody)


def _wish(name: str, do: str, summary: str) -> Route:
    answers = {202: Reply("Handed over.", ("WishTaken",), headers=_FOLLOW)}
    role, problems = CallerRole.OPERATOR, (400, 404, 409, 413, 503)
    return Route(name, f"runs/{{id}}/{do}", summary, answers, problems, ("POST",), role=role, body=WishBody)


def _deliveries(name: str, path: str, summary: str) -> Route:
    answers = {200: Reply("What came of it, or the answer to a handshake.", ("Delivered", "Validated"))}
    problems = (400, 413, 415, 503)
    return Route(name, path, summary, answers, problems, ("POST", "OPTIONS"), role=None, body=ANY_DELIVERY)


ROUTES: tuple[Route, ...] = (
    Route(
        "health_live",
        "health/live",
        "Does the worker answer?",
        {200: Reply("It does.", ("Alive",))},
        access=RouteAccess.ANYBODY,
        role=None,
    ),
    Route(
        "health_ready",
        "health/ready",
        "Can epoch records and pointers be read, and are the pairs looked at?",
        {
            200: Reply("All of it.", ("HealthReadiness",)),
            503: Reply("Not all of it.", ("HealthReadiness",)),
        },
        access=RouteAccess.ANYBODY,
        role=None,
    ),
    Route("get_openapi", "openapi.json", "This document.", {200: Reply("OpenAPI 3.1.", ("object",))}),
    Route(
        "get_status",
        "status",
        "Every pair in one line; for browsers a page.",
        {200: Reply("The pairs.", ("Status",), ("text/html",), {"Vary": "Accept: JSON and page differ."})},
        (404, 503),
        query=(
            Query("pair", "Of this pair alone.", {"type": "string"}),
            Query("refresh", "Seconds after which the page loads itself again.", {"type": "string"}),
        ),
    ),
    Route(
        "get_pair",
        "pairs/{pair}",
        "One pair in full: evidence, holds, journal.",
        {200: Reply("The pair.", ("PairView",))},
        (404, 503),
    ),
    Route(
        "explain_pair",
        "pairs/{pair}/explain",
        "Why a pair stands where it stands.",
        {200: Reply("Why.", ("ExplanationAnswer",))},
        (404, 503),
    ),
    Route(
        "get_decisions",
        "pairs/{pair}/decisions",
        "What was decided, on what inputs, and what would have changed it; newest first.",
        {200: Reply("The decisions.", ("Decisions",))},
        (400, 404, 503),
        query=(_limit(DECISIONS_TOLD, MOST_DECISIONS),),
    ),
    Route(
        "get_readiness",
        "pairs/{pair}/readiness",
        "Could the standby take over? What the last look found, worst first, and its score over time.",
        {200: Reply("The last look; null where nobody has looked yet.", ("StandbyReadiness",))},
        (404, 503),
    ),
    Route(
        "get_data",
        "pairs/{pair}/data",
        "What running jobs read, and whether it is there on the other side.",
        {200: Reply("One item for each place.", ("DataReport",))},
        (404, 503),
    ),
    Route(
        "get_signals",
        "pairs/{pair}/signals",
        "What was seen, for `hubswitch backtest`.",
        {200: Reply("JSON Lines.", text=("application/jsonl",))},
        (400, 404, 422, 503),
        query=(_SINCE,),
    ),
    Route(
        "get_runs",
        "runs",
        "Runs and drills: those under way first, then the newest.",
        {200: Reply("The runs.", ("Runs",))},
        (400, 404, 503),
        query=(Query("pair", "Of this pair alone.", {"type": "string"}), _limit(RUNS_TOLD, MOST_RUNS)),
    ),
    Route(
        "get_run",
        "runs/{id}",
        "Where a run stands, what it waits for, what it came to.",
        {200: Reply("The run.", ("RunAnswer",))},
        (404, 503),
    ),
    Route(
        "get_evidence",
        "runs/{id}/evidence",
        "What a run or drill did, for auditors; for browsers a page.",
        {200: Reply("The evidence.", ("RunEvidence",), ("text/html",), {"Vary": "Accept: JSON and page differ."})},
        (404, 409, 503),
    ),
    Route(
        "finalise_run",
        "runs/{id}/finalise",
        "Freeze the evidence of a run or drill with a verdict.",
        {200: Reply("The evidence as it stays.", ("RunEvidence",))},
        (400, 404, 409, 413, 503),
        ("POST",),
        role=CallerRole.OPERATOR,
        body=FinaliseBody,
    ),
    Route(
        "get_audit",
        "audit",
        "What was ordered and decided, as a chain of hashes: the newest entries of each pair, or all as stored.",
        {200: Reply("The entries.", ("AuditLogs",), ("application/jsonl",))},
        (400, 404, 422, 503),
        query=(
            Query("pair", "Of this pair alone.", {"type": "string"}),
            _limit(AUDIT_TOLD, MOST_AUDIT),
            Query("format", "jsonl for the whole chains, as they are stored.", {"type": "string", "default": "json"}),
        ),
    ),
    Route(
        "skip_step",
        "runs/{id}/skip",
        "Let a run that is under way go on without a step that fails.",
        {202: Reply("Stored.", ("SkipTaken",), headers=_FOLLOW)},
        (400, 404, 409, 413, 503),
        ("POST",),
        role=CallerRole.OPERATOR,
        body=SkipBody,
    ),
    _wish("abort_run", "abort", "End a run that has not switched yet, or a drill; everything is as it was."),
    _wish(
        "ungraceful_run", "ungraceful", "Let a planned switch wait for no job: what still runs is stopped and moved."
    ),
    _wish("retry_run", "retry", "Let a run that pauses before the next try of a step try it at once."),
    Route(
        "get_doctor",
        "doctor",
        "Does everything hold that a failover needs? Asked with the app's own identities; nothing is changed.",
        {200: Reply("One line for each thing, and one sentence for each pair.", ("DoctorReport",))},
        (404,),
        query=(Query("pair", "Of this pair alone.", {"type": "string"}),),
    ),
    Route(
        "start_drill",
        "pairs/{pair}/drill",
        "Practise a failover.",
        {202: Reply("Started.", ("RunStarted",), headers=_FOLLOW | {"Retry-After": "Seconds until a first look."})},
        (400, 404, 409, 413, 503),
        ("POST",),
        role=CallerRole.OPERATOR,
        body=DrillBody,
    ),
    Route(
        "recover_pair",
        "pairs/{pair}/recover",
        "Bring back what was deleted; with `dry` only say what can be had back, how, and until when.",
        {
            200: Reply("What is deleted, and what can be done about it.", ("RecoveryProposal",)),
            202: Reply("Started.", ("RunStarted",), headers=_FOLLOW | {"Retry-After": "Seconds until a first look."}),
        },
        (400, 404, 409, 413, 503),
        ("POST",),
        role=CallerRole.OPERATOR,
        body=RecoverBody,
    ),
    Route(
        "send_test_notices",
        "pairs/{pair}/test-notices",
        "Send a test notice on every channel of the plan, quiet hours or not.",
        {200: Reply("What became of it on each channel.", ("NoticesTested",))},
        (400, 404, 409, 413, 503),
        ("POST",),
        role=CallerRole.OPERATOR,
        body=CommandBody,
    ),
    *(_group_order(kind) for kind in RunKind),
    _command(Do.APPROVE, AnswerBody),
    _command(Do.REJECT, AnswerBody),
    *(_command(do, CommandBody) for do in (Do.ACKNOWLEDGE, Do.PAUSE, Do.RESUME, Do.FAILOVER, Do.FAILBACK)),
    _command_of_all(Do.PAUSE),
    _command_of_all(Do.RESUME),
    _deliveries("receive_events", "events", "Take events of Event Grid, in both schemas, with both handshakes."),
    _deliveries("receive_alerts", "alerts", "Take alerts of Azure Monitor's action groups."),
)

PAGES: tuple[Route, ...] = (
    Route(
        "get_home",
        "",
        "The page for people.",
        {200: Reply("It holds nothing of any pair: it asks for that.", text=("text/html",))},
        access=RouteAccess.ANYBODY,
        role=None,
    ),
)
"""What is no part of the API, and so not in its description."""

_BY_NAME = {route.name: route for route in (*ROUTES, *PAGES)}


def template_of(route: Route) -> str:
    """What the host is told. ``routePrefix`` in ``host.json`` is empty, or no function could answer ``/``."""
    return f"/{route.path}" if route in PAGES else f"api/{route.path}"


def route_named(name: str) -> Route:
    """The row of a function.

    Raises:
        LookupError: it has none, and must not be bound without.
    """
    if name not in _BY_NAME:
        raise LookupError(f"orchestrator/triggers/routes.py: expected a row for the HTTP function {name}, got none")
    return _BY_NAME[name]
