"""The audit logs of pairs: print them, save them, and check them."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get, read_object
from orchestrator.cli.commands_pairs import format_moment
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.evidence.audit_verify import Verified, verify

RUNS = 200
"""Runs and drills whose evidence is compared with the log."""

HASH = re.compile("[0-9a-f]{64}")


def audit_command(app: App, pair: str | None, limit: int, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 and the newest entries of one pair, or of all; 1 if the app knows no such pair."""
    status, body = get(app, "audit", {"limit": str(limit), **_only(pair)}, err)
    if status:
        return status
    found = read_object(app, body)
    print(json.dumps(found) if as_json else "\n".join(_describe(found)) or "nothing is noted", file=out)
    for why in found.get("unread", ()):
        print(why, file=err)
    return 0


def export_command(app: App, pair: str | None, *, out: TextIO, err: TextIO) -> int:
    """0 and the whole log as it is stored, for ``hubswitch audit verify FILE``."""
    status, body = get(app, "audit", {"format": "jsonl", **_only(pair)}, err)
    if not status:
        out.write(body.decode("utf-8"))
    return status


def verify_file_command(file: str, heads: Sequence[str], *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if the log in a file (``-``: standard input) is whole and has these heads; 1 with the first fault."""
    return _tell(verify(_bytes_of(file).splitlines()), _find_lacking(heads), (), as_json=as_json, out=out, err=err)


def verify_app_command(app: App, heads: Sequence[str], *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """The same of an app's logs, which must have what the evidence of its runs says of them, too."""
    status, body = get(app, "audit", {"format": "jsonl"}, err)
    if status:
        return status
    status, listed = get(app, "runs", {"limit": str(RUNS)}, err)
    if status:
        return status
    lines = body.splitlines()
    found = verify(lines)
    faults: list[str] = []
    noted = dict(_find_lacking(heads))
    finals = {} if found.fault else dict(_finals(lines))
    for run in read_object(app, listed)["runs"]:
        if run["outcome"] == "running":
            continue
        status, data = get(app, f"runs/{quote(run['id'], safe='')}/evidence", {}, err)
        if status:
            return status
        evidence = read_object(app, data)
        if evidence["audit_head"]:
            noted[evidence["audit_head"]] = f"the evidence of {run['id']}"
        final = finals.get(run["id"])
        if final is not None and final != hashlib.sha256(data).hexdigest():
            faults.append(f"the evidence of {run['id']} was changed after it was finalised")
        if evidence["attestation"] and final is None and not found.fault:
            faults.append(f"the entry is missing that says that {run['id']} was finalised")
    return _tell(found, noted, faults, as_json=as_json, out=out, err=err)


def _tell(
    found: Verified,
    noted: Mapping[str, str],
    faults: Sequence[str],
    *,
    as_json: bool,
    out: TextIO,
    err: TextIO,
) -> int:
    missing = [f"the entry {head[:12]}… is missing that {who} names" for head, who in noted.items()]
    lost = [why for why, head in zip(missing, noted, strict=True) if head not in found.hashes]
    fault = found.fault
    first = [f"{fault.pair or 'the log'}: line {fault.line}: {fault.why}"] if fault else []
    told = [*first, *lost, *faults]
    chains = {pair: {"entries": chain.entries, "head": chain.head} for pair, chain in found.chains.items()}
    if as_json:
        place = {"pair": fault.pair, "line": fault.line, "number": fault.number} if fault else None
        print(json.dumps({"ok": not told, "chains": chains, "first": place, "faults": told}), file=out)
    else:
        for pair, chain in chains.items():
            print(f"{pair}: {chain['entries']} entries, head {chain['head']}", file=out)
        if not chains and not told:
            print("nothing is noted", file=out)
    for why in () if as_json else told:
        print(why, file=err)
    return 1 if told else 0


def _find_lacking(heads: Iterable[str]) -> Mapping[str, str]:
    for head in heads:
        if not HASH.fullmatch(head):
            raise InvalidInput("--head", "", "64 hexadecimal digits, as `audit verify` prints them", repr(head))
    return dict.fromkeys(heads, "--head")


def _finals(lines: Iterable[bytes]) -> Iterable[tuple[str, str]]:
    """The hashes of evidence that was finalised, by run. For a log that is whole."""
    for line in lines:
        if b'"kind":"finalised"' in line:
            details = json.loads(line)["details"]
            yield details["run"], details["evidence_sha256"]


def _bytes_of(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as fault:
        raise InvalidInput(file, "", "a file that can be read", fault.strerror or str(fault)) from fault


def _only(pair: str | None) -> dict[str, str]:
    return {} if pair is None else {"pair": pair}


def _describe(found: Mapping[str, Any]) -> Iterable[str]:
    for log in found["pairs"]:
        for entry in log["entries"]:
            who = f" {entry['who']}:" if entry["who"] else ""
            yield f"{format_moment(entry['at'])} {entry['pair']} {entry['number']} {entry['kind']}:{who} {entry['why']}"
