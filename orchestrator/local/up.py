"""``hubswitch up``: the function app on the port and paths of ``func start``, with a local Azure beside it."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import re
import sys
from pathlib import Path
from typing import NamedTuple

from orchestrator.core.base.vocabulary import Mode, Role
from orchestrator.core.plan.schema import Plan
from orchestrator.local.practice import list_left_out
from orchestrator.local.serve_azure import write_environment
from orchestrator.local.session import Local, session
from orchestrator.local.workload import submit_workload
from orchestrator.plan_files import plan_in
from orchestrator.simulator.stop_signals import on_ending
from orchestrator.telemetry import JsonLines

TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL})
HIGHEST_PORT = 65535
KEY = re.compile(r"[!-~]+")
"""What goes through a header, a query and a shell unharmed."""


class UpOptions(NamedTuple):
    """What is wanted; each is an option of the command."""

    port: int = 7071
    seed: int = 1
    speed: float = 1.0
    key: str = ""
    as_json: bool = False
    mode: Mode | None = None
    """None: that of the plan, or else auto."""

    plan: Path | None = None
    """A plan whose policy and rules are practised."""

    jobs: int = 0
    """Jobs that run in the primary from the beginning."""


def up_command(wanted: UpOptions) -> int:
    """Serve until a signal ends it; the exit status.

    Raises:
        InvalidInput: the plan cannot be read.
    """
    if not 0 <= wanted.port <= HIGHEST_PORT:
        print(f"--port: expected 0 to {HIGHEST_PORT}, got {wanted.port}", file=sys.stderr)  # noqa: T201
        return 2
    if wanted.key and not KEY.fullmatch(wanted.key):
        print("--key: expected visible ASCII letters without white space, got others", file=sys.stderr)  # noqa: T201
        return 2
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    practised = plan_in(wanted.plan) if wanted.plan else None
    if practised is not None:
        left = ", ".join(["its hubs and stores", *list_left_out(practised)])
        print(f"{wanted.plan} is practised on simulated hubs, without {left}", file=sys.stderr)  # noqa: T201
    return asyncio.run(_serve(wanted, practised))


async def _serve(wanted: UpOptions, practised: Plan | None) -> int:
    port, seed = wanted.port, wanted.seed
    over = asyncio.Event()
    on_ending(over.set)
    try:
        async with session(
            seed=seed, speed=wanted.speed, port=port, key=wanted.key, mode=wanted.mode, practised=practised
        ) as local:
            await asyncio.to_thread(subscribe_projects, local)
            write_environment(user_file(local), local.azure.user_environment())
            if wanted.jobs:
                await asyncio.to_thread(submit_workload, local.azure, local.plan.primary, wanted.jobs, seed)
            _announce(local, as_json=wanted.as_json)
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
