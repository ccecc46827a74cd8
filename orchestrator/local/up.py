"""``hubswitch up``: the function app on the port and paths of ``func start``, with a local Azure beside it."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import re
import sys
from pathlib import Path

from orchestrator.core.base.vocabulary import Role
from orchestrator.local.serve_azure import write_environment
from orchestrator.local.session import Local, session
from orchestrator.simulator.stop_signals import on_ending
from orchestrator.telemetry import JsonLines

TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL})
HIGHEST_PORT = 65535
KEY = re.compile(r"[!-~]+")
"""What goes through a header, a query and a shell unharmed."""


def up_command(*, port: int, seed: int, speed: float, key: str, as_json: bool) -> int:
    """Serve until a signal ends it; the exit status."""
    if not 0 <= port <= HIGHEST_PORT:
        print(f"--port: expected 0 to {HIGHEST_PORT}, got {port}", file=sys.stderr)  # noqa: T201
        return 2
    if key and not KEY.fullmatch(key):
        print("--key: expected visible ASCII letters without white space, got others", file=sys.stderr)  # noqa: T201
        return 2
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    return asyncio.run(_serve(port, seed, speed, key, as_json=as_json))


async def _serve(port: int, seed: int, speed: float, key: str, *, as_json: bool) -> int:
    over = asyncio.Event()
    on_ending(over.set)
    try:
        async with session(seed=seed, speed=speed, port=port, key=key) as local:
            await asyncio.to_thread(subscribe_projects, local)
            write_environment(user_file(local), local.azure.user_environment())
            _announce(local, as_json=as_json)
            await over.wait()
    except OSError as fault:
        if fault.errno not in TAKEN:
            raise
        print(f"cannot listen on port {port}: {fault.strerror or fault}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def user_file(local: Local) -> Path:
    """Where the environment is written of somebody who submits jobs; it goes with the session's folder."""
    return local.plan_file.with_name("user.env")


def subscribe_projects(local: Local) -> None:
    """Let both projects' system topics deliver to the app: one in each schema, so that both are in use."""
    schemas = {Role.PRIMARY: "EventGridSchema", Role.SECONDARY: "CloudEventSchemaV1_0"}
    for role, schema in schemas.items():
        local.azure.subscribe(
            local.plan.side(role).project_id, f"{local.host.url}/api/events?code={local.key}", schema=schema
        )
    subscribe_changes(local)


def subscribe_changes(local: Local) -> None:
    """Let the subscription's system topic tell the app what people change."""
    local.azure.subscribe(
        f"/subscriptions/{local.azure.estate.subscription}", f"{local.host.url}/api/events?code={local.key}"
    )


def _announce(local: Local, *, as_json: bool) -> None:
    found = {
        "url": local.host.url,
        "key": local.key,
        "plan": str(local.plan_file),
        "user_env": str(user_file(local)),
        "admin": local.azure.urls["admin"],
        "endpoints": local.azure.urls,
    }
    if as_json:
        print(json.dumps(found), flush=True)  # noqa: T201
        return
    lines = [
        f"function app   {local.host.url}/",
        f"function key   {local.key}  (the page asks for it)",
        f"plan           {local.plan_file}",
        f"to submit jobs set -a; . {user_file(local)}; set +a; export HUBSWITCH_PAIR_PLAN={local.plan_file}",
        f"local Azure    {local.azure.urls['admin']} (admin)",
        "stop with Ctrl-C",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201
