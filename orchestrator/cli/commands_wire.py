"""``hubswitch doctor --wire FILE --plan PLAN``: how Azure's answers differ in shape from the simulated Azure's.

The same questions are asked of both, with this machine's login: what the doctor asks, one sweep of probes, one poll,
both sides as readiness reads them, and the list of jobs. Nothing is changed: what the doctor writes fails on a
condition.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from orchestrator import __version__
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.doctor.wire import CallShape, compare, hosts_of, shapes_of
from orchestrator.submit.api import Desk, desk

PATIENCE = {"HUBSWITCH_POLL_TIMEOUT": "2m", "HUBSWITCH_PROBE_TIMEOUT": "30s"}
"""A slow answer is one as well; here nobody waits for it."""

ITS_LOGIN = {"HUBSWITCH_CREDENTIAL": "managed-identity"}
"""The simulated Azure knows its own identities, and nobody's login."""


def wire_command(target: Path | None, plan_file: Path | None, *, out: TextIO, err: TextIO) -> int:
    """0 if nothing differs, 1 if something does, 2 for input that cannot be used or for no answer at all."""
    from orchestrator.local.session import variables

    try:
        if target is None or plan_file is None:
            raise InvalidInput("--wire", "", "a file to write, and --plan beside it", "one of the two")
        if target.is_dir():
            raise InvalidInput(str(target), "", "a file to write", "a folder")
        with variables({name: os.environ.get(name, length) for name, length in PATIENCE.items()}):
            real = observe(desk(plan_file), lambda said: print(said, file=err))
        if not real:
            raise InvalidInput(str(plan_file), "", "a plan whose services answer this login", "not one answer")
        print("asking the simulated Azure the same", file=err)
        simulated = observe_simulated()
        lines = compare(real, simulated)
        _write(target, _document(real, simulated, lines))
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2
    for line in lines:
        print(line, file=out)
    print(f"{len(real)} kinds of answers, {len(lines)} differences: {target}", file=err)
    print("Read the file before you show it to others: it has names of fields and no values.", file=err)
    return 1 if lines else 0


def observe(at: Desk, tell: Callable[[str], object]) -> tuple[CallShape, ...]:
    """The shapes of what is answered to everything that is asked here. What fails is an answer as well."""
    from orchestrator.adapters.assembly import trials
    from orchestrator.adapters.http.exchanges import listen

    with listen() as listener:
        for what, ask in _questions(at, trials(at.settings)):
            tell(f"asking: {what}")
            with suppress(HubswitchError):
                ask()
    hosts = hosts_of(
        at.plan, at.settings.resource_manager, at.settings.log_analytics, os.environ.get("IDENTITY_ENDPOINT", "")
    )
    return shapes_of(listener.exchanges(), hosts)


def observe_simulated() -> tuple[CallShape, ...]:
    """The same of a simulated Azure that has a job of each kind."""
    from orchestrator.local.sample_jobs import kinds
    from orchestrator.local.session import variables
    from orchestrator.local.simulated_plan import plan_of
    from orchestrator.local.workload import User
    from orchestrator.simulator.cloud import LocalAzure

    with LocalAzure(canaries=False) as azure, variables({**azure.environment(), **ITS_LOGIN, **PATIENCE}):
        plan = plan_of(azure)
        hub, user = plan.primary, User(azure)
        for name, body in kinds(hub, user.code(hub), user.environment(hub)).items():
            user.submit(hub, f"kind-{name}", body)
        return observe(desk(plan), lambda _: None)


def _questions(at: Desk, trials: Any) -> Iterable[tuple[str, Callable[[], Any]]]:
    from orchestrator.doctor.azure_checks import Subject, executor_checks, token_checks
    from orchestrator.doctor.findings import carry_out
    from orchestrator.standby.readiness import read_sides

    subject = Subject(at.plan, at.settings, at.world, trials)

    def check() -> None:
        for each in (*token_checks(at.settings, trials), *executor_checks(subject)):
            carry_out(each, at.plan.pair)

    yield "what the doctor asks", check
    yield "one sweep of probes, and one poll", lambda: asyncio.run(_look(at))
    yield "both sides, as readiness reads them", lambda: read_sides(at.world, at.plan)
    for role in Role:
        yield f"jobs of the {role}", partial(_list_jobs, at, role)


def _list_jobs(at: Desk, role: Role) -> None:
    """One page: it has every member that jobs have."""
    next(iter(at.world.jobs.pages(at.plan.side(role))), ())


async def _look(at: Desk) -> None:
    probes, polls, now = at.world.probes, at.world.polls, at.world.clock.now()
    try:
        await asyncio.gather(probes.sweep(at.plan, now), polls.poll(at.plan, now))
    finally:
        await asyncio.gather(probes.aclose(), polls.aclose())


def _document(real: Iterable[CallShape], simulated: Iterable[CallShape], lines: Iterable[str]) -> str:
    found = {
        "schema": 1,
        "hubswitch": __version__,
        "differences": list(lines),
        "azure": to_builtins(tuple(real)),
        "simulated": to_builtins(tuple(simulated)),
    }
    return json.dumps(found, indent=1) + "\n"


def _write(target: Path, text: str) -> None:
    """As a whole or not at all.

    Raises:
        InvalidInput: it cannot be written.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise InvalidInput(str(target), "", "a file that can be written", fault.strerror or str(fault)) from fault
