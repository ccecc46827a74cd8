"""The evidence of a run or drill: print it, save it as a page, finalise it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get, post, read_object
from orchestrator.cli.commands_pairs import format_incident, format_moment
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.evidence.document import JOB_COUNTS


class Attested(NamedTuple):
    """What a person says of a run."""

    reason: str
    verdict: str
    note: str = ""
    by: str = ""


def evidence_command(app: App, run: str, html: Path | None, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and the evidence; 1 if there is none: no such run, or it is under way; 2 if the app or the file fails."""
    status, body = get(app, _path(run, "evidence"), {}, err, accept="text/html" if html else "application/json")
    if status:
        return status
    if html:
        try:
            html.write_bytes(body)
        except OSError as fault:
            raise InvalidInput(str(html), "", "a file that can be written", fault.strerror or str(fault)) from fault
        print(json.dumps({"run": run, "html": str(html)}) if as_json else f"{run}: saved as {html}", file=out)
        return 0
    found = read_object(app, body)
    # As it came: the audit log has the hash of these bytes.
    print(body.decode() if as_json else "\n".join(_describe(found)), file=out)
    return 0


def finalise_command(app: App, run: str, said: Attested, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if the evidence is final with these words, 1 if it is with others, or there is none."""
    if said.verdict not in {"success", "failure"}:
        raise InvalidInput("--verdict", "", "success or failure", repr(said.verdict))
    given = {"reason": said.reason, "verdict": said.verdict, "note": said.note, "by": said.by}
    status, found = post(app, _path(run, "finalise"), given, err)
    if status:
        return status
    attested = found["attestation"]
    told = f"{run}: final, {attested['verdict']}, attested by {attested['who']} at {format_moment(attested['at'])}"
    print(json.dumps(found) if as_json else told, file=out)
    return 0


def _path(run: str, what: str) -> str:
    return f"runs/{quote(run, safe='')}/{what}"


def _describe(found: Mapping[str, Any]) -> Iterable[str]:
    """The evidence for people, without the list of jobs."""
    yield f"{found['run']}: {found['kind']} {found['outcome']}"
    yield f"    {found['decision']['why']}"
    for phase in found["phases"]:
        took = "not known" if phase["seconds"] is None else f"{phase['seconds']:.3f} s"
        yield f"    {phase['name']:10} {took}"
    for name in ("rto", "rpo"):
        wanted, met = found["targets"][f"{name}_s"], found["targets"][f"{name}_met"]
        if wanted is not None:
            yield f"    target {name} {wanted:g} s: {'not known' if met is None else 'met' if met else 'missed'}"
    jobs = [f"{found['jobs'][name]} {name}" for name in JOB_COUNTS if found["jobs"][name]]
    yield f"    jobs: {', '.join(jobs) or 'none'}"
    for consent in found["approvals"]:
        yield f"    approved by {consent['who']}: {consent['reason']}"
    for finding in found["findings"]:
        yield f"    {'ok  ' if finding['ok'] else 'FAIL'} {finding['check']}: {finding['why']}"
    yield from format_incident(found.get("incident"))
    said = found["attestation"]
    yield f"    final: {said['verdict']}, attested by {said['who']}" if said else "    not finalised"
