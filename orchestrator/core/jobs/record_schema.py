"""The one door through which stored job records come in: schema 2 as it is, schema 1 brought up to it.

Schema 1 had no fields for two facts. That a run's end was asked for was a line of the history, ``stopping``. That a
person wants a job to be left alone was the policy ``never`` and a sentence, in the history and mostly in ``reason``.
Only this module reads those sentences.
"""

from __future__ import annotations

import re
from typing import Any

from orchestrator.core.base.codec import decode, exact, from_builtins
from orchestrator.core.base.errors import UnknownShape
from orchestrator.core.base.vocabulary import JobPolicy
from orchestrator.core.jobs.record import JOB_SCHEMA, JobEventKind, JobRecord

_KINDS = frozenset(kind.value for kind in JobEventKind)

_ASKED = re.compile(r"(?:left alone, )?asked by (?P<by>.*?): (?P<why>.*)", re.DOTALL)

_LEFT_ALONE = "left alone"


def read_job_record(data: bytes | str, where: str) -> JobRecord:
    """The job record that stored bytes hold.

    Args:
        data: JSON of schema 1 or 2.
        where: the blob, for messages.

    Raises:
        UnknownShape: its schema number or a field is not one that this version knows.
        InvalidInput: not JSON, or a field is wrong.
    """
    seen = decode(data, dict[str, Any], where)
    schema = seen.get("schema")
    if schema == JOB_SCHEMA:
        return exact(lambda: decode(data, JobRecord, where))
    if schema == 1 and not isinstance(schema, bool):
        return exact(lambda: from_builtins(_upgrade(seen), JobRecord, where))
    raise UnknownShape(where, "schema", f"the number 1 or {JOB_SCHEMA}", repr(schema))


def _upgrade(old: dict[str, Any]) -> dict[str, Any]:
    """A record of schema 1 as one of schema 2. What is not of the expected type stays, for the decoder to refuse."""
    history = old.get("history")
    lines = [line for line in history if isinstance(line, dict)] if isinstance(history, list) else []
    new = {**old, "schema": JOB_SCHEMA, "stop_asked": any(line.get("what") == "stopping" for line in lines)}
    if isinstance(history, list):
        new["history"] = [_upgrade_line(line) if isinstance(line, dict) else line for line in history]
    if old.get("policy") == JobPolicy.NEVER:
        by, why = _find_wish(lines, old.get("reason"))
        new |= {"left_alone_by": by, "left_alone_why": why}
    return new


def _upgrade_line(line: dict[str, Any]) -> dict[str, Any]:
    what = line.get("what")
    if not isinstance(what, str) or what in _KINDS:
        return line
    return {**line, "what": JobEventKind.NOTED.value, "why": f"{what}: {line.get('why')}"}


def _find_wish(lines: list[dict[str, Any]], reason: Any) -> tuple[str, str]:
    """Who wanted a job to be left alone, and why; empty if it was nobody's last word."""
    wishes = [line for line in lines if line.get("what") in {"skip", "retry"}]
    said = wishes[-1].get("why") if wishes and wishes[-1].get("what") == "skip" else None
    if said is None and isinstance(reason, str) and reason.startswith(_LEFT_ALONE):
        said = reason
    if not isinstance(said, str):
        return "", ""
    found = _ASKED.fullmatch(said)
    return (found["by"] or "somebody", found["why"]) if found else ("somebody", said)
