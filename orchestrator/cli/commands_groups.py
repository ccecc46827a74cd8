"""``hubswitch group failover`` and ``failback``: order every pair of a recovery group."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from orchestrator.cli.app_calls import App, post
from orchestrator.cli.commands_orders import wait_command


class GroupOptions(NamedTuple):
    """How a group is ordered."""

    reason: str
    by: str = ""
    graceful: bool = False
    wait: bool = False


def group_command(
    app: App, name: str, do: str, options: GroupOptions, *, as_json: bool, out: TextIO, err: TextIO
) -> int:
    """0 if the run was started, and with ``wait`` if every pair is where it leads; 1 if it was refused or is not."""
    body: dict[str, Any] = {"reason": options.reason}
    body |= {field: value for field in ("by", "graceful") if (value := getattr(options, field))}
    status, found = post(app, f"groups/{quote(name, safe='')}/{do}", body, err)
    if status:
        return status
    run = str(found.get("run"))
    if not as_json:
        print(f"started {run}", file=out, flush=True)
    elif not options.wait:
        print(json.dumps(found), file=out)
    if not options.wait:
        return 0
    return wait_command(app, run, None, as_json=as_json, out=out, err=err)
