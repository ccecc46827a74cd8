"""``hubswitch recover``: show what was deleted of a pair, and bring it back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, post
from orchestrator.cli.commands_orders import wait_command
from orchestrator.cli.commands_pairs import format_moment

NEEDS_A_PERSON = 3


class RecoverOptions(NamedTuple):
    """How a recovery is asked for."""

    reason: str
    by: str = ""
    proposal: str = ""
    do: bool = False
    """Carry it out; otherwise it is only shown."""

    wait: bool = False


def recover_command(app: App, pair: str, options: RecoverOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Without ``do``: 0 if nothing is deleted, 3 if something is. With it as for every order that starts a run."""
    body: dict[str, Any] = {"reason": options.reason, "dry": not options.do}
    body |= {name: value for name in ("by", "proposal") if (value := getattr(options, name))}
    status, found = post(app, f"pairs/{quote(pair, safe='')}/recover", body, err)
    if status:
        return status
    if not options.do:
        print(json.dumps(found) if as_json else "\n".join(_proposal(found)), file=out)
        return NEEDS_A_PERSON if found.get("items") else 0
    if not as_json:
        print(f"started {found.get('run')}", file=out, flush=True)
    if not options.wait:
        if as_json:
            print(json.dumps(found), file=out)
        return 0
    return wait_command(app, str(found.get("run")), pair, as_json=as_json, out=out, err=err)


def _proposal(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['pair']}: {found['why']}"
    for item in found["items"]:
        yield f"  {item['how']:6} {item['kind']} of the {item['role']}: {item['resource']}"
        yield f"         {item['why']}"
        if item["deadline"]:
            yield f"         until {format_moment(item['deadline'])}"
        if item["method"]:
            guess = " (a guess: not in the reference)" if item["is_guess"] else ""
            yield f"         {item['method']} api-version {item['api_version']}, needs {item['needs']}{guess}"
            yield f"         {json.dumps(item['body'])}"
    yield from (f"  not known: {why}" for why in found["unread"])
    if found["failover"]:
        yield f"  {found['failover']}"
    if any(item["method"] for item in found["items"]):
        yield f"  to do it: hubswitch recover {found['pair']} --do --proposal {found['id']}"
