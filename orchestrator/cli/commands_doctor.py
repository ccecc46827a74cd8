"""``hubswitch doctor``: does everything hold that a failover needs?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, get, post, read_object

MARKS = {True: "ok  ", False: "FAIL", None: "?   "}


def doctor_command(app: App, pair: str | None, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if all that could be told holds, 1 if something does not or there is no such pair, 2 for no answer."""
    status, body = get(app, "doctor", {} if pair is None else {"pair": pair}, err)
    if status:
        return status
    found = read_object(app, body)
    print(json.dumps(found) if as_json else "\n".join(_lines(found)), file=out)
    return 0 if found.get("ok") else 1


def send_test_notices_command(
    app: App, pair: str, body: dict[str, Any], *, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """0 if every channel took the test notice, 1 if one did not, or there is none, 2 for no answer."""
    status, found = post(app, f"pairs/{quote(pair, safe='')}/test-notices", body, err)
    if status:
        return status
    lines = [
        f"{MARKS[each['ok']]} {each['channel']}{': ' if each['why'] else ''}{each['why']}" for each in found["channels"]
    ]
    print(json.dumps(found) if as_json else "\n".join([*lines, found["why"]]), file=out)
    return 0 if found["ok"] else 1


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """One line for each check, what mends it below, and one sentence for each pair at the end."""
    for check in found.get("checks", ()):
        about = f"{check['pair']} " if check["pair"] else ""
        yield f"{MARKS[check['ok']]} {about}{check['check']}: {check['what']}"
        if check["ok"] is not True and check["fix"]:
            yield f"       {'mend' if check['ok'] is False else 'see'}: {check['fix']}"
    yield from (str(pair["why"]) for pair in found.get("pairs", ()))
