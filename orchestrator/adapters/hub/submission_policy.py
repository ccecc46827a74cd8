"""A policy for an azure-core pipeline that keeps a job's record around its submission.

Handed to a user's own client it sees the PUT of a job leave, and its answer come back::

    MLClient(..., per_call_policies=[policy])

azure-ai-ml gives these to every pipeline that it makes. A policy without successor, as this one is, may be shared by
them; one that sends on (``HTTPPolicy``) may not: it keeps its successor in itself.

The user's submission goes before the ledger: whatever goes wrong here is one line of warning, unless ``strict``.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from orchestrator.adapters.http.errors import shorten
from orchestrator.core.base.codec import decode
from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotNow
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record_changes import NameInUse

_JOB = re.compile(
    r"^(?P<project>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.MachineLearningServices"
    r"/workspaces/[^/]+)/jobs/(?P<name>[^/]+)$",
    re.IGNORECASE,
)
_OPEN = frozenset({408, 429})
"""Answers of the 4xx that say nothing about what became of the job."""

_KEY = "hubswitch.submission"
_log = logging.getLogger("hubswitch.submission")

type Warn = Callable[[str], object]


class Journal(Protocol):
    """Where the records are kept."""

    def side_of(self, project_id: str) -> Role | None: ...

    def moved(self, side: Role) -> str: ...

    def ahead(self, side: Role, name: str, body: Mapping[str, Any], api_version: str) -> None: ...

    def accepted(self, side: Role, name: str, job: Mapping[str, Any]) -> str: ...

    def find_accepted(self, side: Role, name: str) -> Mapping[str, Any] | None: ...

    def refused(self, name: str, why: str) -> None: ...


class Put(NamedTuple):
    """One job on its way."""

    side: Role
    name: str


class SubmissionPolicy(SansIOHTTPPolicy[Any, Any]):
    """Writes the record ahead of a job's PUT and completes it from the answer. Safe to share between clients.

    Args:
        journal: where the records are kept.
        strict: refuse to submit what cannot be written down, or would go to a hub that is not active.
        warn: takes each warning, one line; logged as a warning of ``hubswitch.submission`` if not given.
    """

    def __init__(self, journal: Journal, *, strict: bool = False, warn: Warn | None = None) -> None:
        self._journal = journal
        self._strict = strict
        self._warn = warn or (lambda line: _log.warning("%s", line))

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Write down what is about to be put.

        Raises:
            NameInUse: another job has the name.
            NotNow: it is not to be submitted; only if strict.
        """
        try:
            put = self._read_put(request.http_request)
        except NameInUse:
            raise
        except Exception as fault:
            if self._strict:
                raise NotNow(f"not submitted, for it could not be written down: {fault}") from fault
            self._say(f"submitted without a record ahead of it: {fault}")
        else:
            if put:
                request.context[_KEY] = put

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Complete the record. Never raises: the job is where it is."""
        put = request.context.get(_KEY)
        if put is None:
            return
        try:
            self._note(put, response.http_response)
        except Exception as fault:  # noqa: BLE001 - nothing of ours may break what the user does
            self._say(f"{put.name}: its record is not complete yet, the app will complete it: {fault}")

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        """Say what an unknown outcome means. Never raises; the client's own exception goes on."""
        put = request.context.get(_KEY)
        if put is not None:
            self._unknown(put, f"no answer ({type(sys.exception()).__name__})")

    def _read_put(self, request: Any) -> Put | None:
        url = urlsplit(request.url)
        found = _JOB.match(url.path)
        side = self._journal.side_of(found["project"]) if found and request.method == "PUT" else None
        if found is None or side is None:
            return None
        self._check_destination(side)
        name = unquote(found["name"])
        body = decode(_bytes_of(request), dict[str, Any], f"the body of {name}")
        self._journal.ahead(side, name, body, parse_qs(url.query).get("api-version", [""])[0])
        return Put(side, name)

    def _check_destination(self, side: Role) -> None:
        """Say that this hub is not the active one, or that nobody can tell.

        Raises:
            NotNow, HubswitchError: the same; only if strict.
        """
        try:
            moved = self._journal.moved(side)
        except HubswitchError as fault:
            if self._strict:
                raise
            moved = f"whether the {side} is the active hub cannot be told: {fault}"
        if moved and self._strict:
            raise NotNow(moved)
        if moved:
            self._say(moved)

    def _note(self, put: Put, response: Any) -> None:
        status = int(response.status_code)
        if status < 300:
            self._note_accepted(put, decode(response.text(), dict[str, Any], f"the answer about {put.name}"))
        elif status < 500 and status not in _OPEN:
            self._note_refusal(put, f"the {put.side} refused it ({status}): {shorten(response.text())}")
        else:
            self._unknown(put, f"the {put.side} answered {status}")

    def _note_accepted(self, put: Put, job: Mapping[str, Any]) -> None:
        missing = self._journal.accepted(put.side, put.name, job)
        if missing:
            self._say(f"{put.name}: not all that it needs is in the ledger yet, the app tries on: {missing}")

    def _note_refusal(self, put: Put, why: str) -> None:
        """A second PUT may be refused because the first, whose answer was lost, made the job: the hub is asked."""
        try:
            job = self._journal.find_accepted(put.side, put.name)
        except HubswitchError as fault:
            self._unknown(put, f"{why}; whether it has the job cannot be told: {fault}")
            return
        if job is None:
            self._journal.refused(put.name, why)
        else:
            self._note_accepted(put, job)

    def _unknown(self, put: Put, why: str) -> None:
        self._say(
            f"{put.name}: {why}; whether the {put.side} took it is not known. The ledger has it: if the hub is left, "
            f"it is submitted to the other one. Try again under this name only, or take it back with: "
            f"hubswitch jobs skip {put.name}"
        )

    def _say(self, line: str) -> None:
        self._warn(" ".join(f"hubswitch: {line}".split()))


def _bytes_of(request: Any) -> bytes | str:
    """The body of a request of either of azure-core's two kinds."""
    content = getattr(request, "content", None) or getattr(request, "body", None)
    if not isinstance(content, bytes | str):
        raise InvalidInput("the job's request", "body", "JSON text", type(content).__name__)
    return content
