"""Asking everything at once: in threads of its own, each pair within a deadline, a few pairs at a time.

Nothing here raises for what Azure or the engine do, and nothing is changed.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from orchestrator import __version__
from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.decision.state import PairState
from orchestrator.core.ledger_paths import readiness_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.schedule import PollReport
from orchestrator.core.signals.signal import Signal
from orchestrator.core.signals.unread import describe, still_counted
from orchestrator.core.standby.readiness_record import ReadinessRecord
from orchestrator.doctor import seen
from orchestrator.doctor.azure_checks import Subject, assignee, executor_checks, token_checks
from orchestrator.doctor.findings import DoctorCheck, DoctorFinding, DoctorReport, Outlook, carry_out
from orchestrator.doctor.outlook import outlook_of
from orchestrator.ports import Clock, Engine, EngineError, OrchestrationState, Trials, World
from orchestrator.settings import Settings
from orchestrator.workflows import calls

DEADLINE = timedelta(seconds=45)
"""For all questions about one pair. Longer than any single one takes, and less than callers wait."""

BEGIN_WITHIN = timedelta(seconds=120)
"""No pair is begun with later. With ``DEADLINE`` it is less than Azure's front end waits (230 s)."""

PAIRS_AT_ONCE = 4
"""Pairs examined together: the watch asks the same services."""

ENGINE = (
    "az durabletask taskhub show …; DURABLE_TASK_SCHEDULER_CONNECTION_STRING names it, and the app's own identity "
    "needs Durable Task Data Contributor on it"
)

PACKAGES = ("azure-functions-durable", "durabletask")

type Look = ReadinessRecord | HubswitchError | None
type States = Mapping[str, PairState | HubswitchError | None]


class Practice(NamedTuple):
    """What an examination is made with."""

    settings: Settings
    plans: Mapping[str, Plan]
    clock: Clock
    world: World
    trials: Trials
    engine: Engine
    arrived: seen.Arrived
    threads: Executor


async def examine(practice: Practice, pairs: Iterable[str]) -> DoctorReport:
    """Examine the app and these pairs."""
    names = list(pairs)
    tokens, (states, engine), unread = await asyncio.gather(
        _carry_out(practice, list(token_checks(practice.settings, practice.trials)), None),
        _states(practice, names),
        _unread_finding(practice),
    )
    app = [_versions(), *tokens, engine, unread, seen.alert_finding(practice.arrived)]
    limit, loop = asyncio.Semaphore(PAIRS_AT_ONCE), asyncio.get_running_loop()
    end = loop.time() + BEGIN_WITHIN.total_seconds()

    async def one(pair: str) -> tuple[list[DoctorFinding], Outlook]:
        async with limit:
            if loop.time() > end:
                return _leave_out(pair)
            return await _examine_pair(practice, practice.plans[pair], states.get(pair), app)

    found = await asyncio.gather(*(one(pair) for pair in names))
    checks = (*app, *(finding for findings, _ in found for finding in findings))
    return DoctorReport(
        as_of=practice.clock.now(),
        ok=all(finding.ok is not False for finding in checks),
        checks=checks,
        pairs=tuple(outlook for _, outlook in found),
    )


async def _examine_pair(
    practice: Practice, plan: Plan, stored: PairState | HubswitchError | None, app: Sequence[DoctorFinding]
) -> tuple[list[DoctorFinding], Outlook]:
    begun, loop = practice.clock.now(), asyncio.get_running_loop()
    instant = loop.time()
    has_token = {found.check.removeprefix("token."): found.ok is not False for found in app}
    subject = Subject(plan, practice.settings, practice.world, practice.trials)
    checks = list(executor_checks(subject))
    nothing: Sequence[Signal] = ()

    async def sweep() -> Sequence[Signal]:
        return await practice.world.probes.sweep(plan, begun)

    async def poll() -> PollReport:
        return await practice.world.polls.poll(plan, begun)

    async def read_look() -> Look:
        return await loop.run_in_executor(practice.threads, _last_look, practice.world, plan.pair)

    asked, signals, report, looked, notices = await asyncio.gather(
        _carry_out(practice, checks, plan.pair) if has_token["executor"] else _without_token(checks, plan.pair),
        _within(sweep, nothing),
        _within(poll, PollReport(blind=(f"no answer within {DEADLINE}",))),
        _within(read_look, None),
        _notices(practice, plan),
    )
    now, state = practice.clock.now(), stored if isinstance(stored, PairState) else None
    told = practice.world.store_clock.read(plan, timedelta(seconds=loop.time() - instant + 1))
    probe = assignee(practice.settings.probe_client_id)
    reader = assignee(practice.settings.reader_client_id or practice.settings.probe_client_id)
    of_probe = [*seen.surface_findings(plan, signals, probe), seen.poll_finding(plan, report, probe)]
    if not has_token["probe"]:
        of_probe = [_untold(found.check, plan.pair, "probe") for found in of_probe]
    findings = [
        *seen.plan_findings(plan),
        seen.looks_finding(plan, stored, now),
        seen.clock_finding(plan, told, now),
        *asked,
        *of_probe,
        seen.readiness_finding(plan, looked, reader),
        *([seen.rule_finding(plan, state, signals)] if has_token["probe"] and signals else []),
        *([*seen.stamp_findings(plan, state, now), seen.drill_finding(plan, state, now)] if state else []),
        notices,
        *seen.delivery_findings(plan, practice.arrived),
    ]
    return findings, outlook_of(plan, state, [*app, *findings], signals, now)


def _leave_out(pair: str) -> tuple[list[DoctorFinding], Outlook]:
    what, fix = "there was no time for this pair", f"hubswitch doctor {pair}"
    told = f"Whether {pair} will fail over by itself is not known, because {what}."
    left = DoctorFinding(check="examined", pair=pair, ok=None, what=what, fix=fix)
    return [left], Outlook(pair=pair, fails_over=None, why=told)


async def _carry_out(practice: Practice, checks: Sequence[DoctorCheck], pair: str | None) -> list[DoctorFinding]:
    """All at once in threads; what has not come by the deadline is not known."""
    loop = asyncio.get_running_loop()
    begun = [loop.run_in_executor(practice.threads, carry_out, check, pair) for check in checks]
    if begun:
        await asyncio.wait(begun, timeout=DEADLINE.total_seconds())
    return [
        future.result() if future.done() else _late(check, pair) for check, future in zip(checks, begun, strict=True)
    ]


def _late(check: DoctorCheck, pair: str | None) -> DoctorFinding:
    what = f"no answer within {DEADLINE.total_seconds():.0f} s"
    return DoctorFinding(check=check.name, pair=pair, ok=None, what=what, fix=check.where or check.fix)


async def _without_token(checks: Sequence[DoctorCheck], pair: str) -> list[DoctorFinding]:
    return [_untold(check.name, pair, "executor") for check in checks]


def _untold(check: str, pair: str, identity: str) -> DoctorFinding:
    return DoctorFinding(check=check, pair=pair, ok=None, what=f"not asked: the {identity} has no token")


def _last_look(world: World, pair: str) -> Look:
    """What the last look at the standby found, or why that cannot be read."""
    path = readiness_path(pair)
    try:
        kept = world.ledgers[pair].get(path)
        return read_record(kept, ReadinessRecord, path) if kept is not None else None
    except HubswitchError as fault:
        return fault


async def _within[T](ask: Callable[[], Awaitable[T]], otherwise: T) -> T:
    try:
        async with asyncio.timeout(DEADLINE.total_seconds()):
            return await ask()
    except TimeoutError:
        return otherwise


async def _states(practice: Practice, names: Sequence[str]) -> tuple[States, DoctorFinding]:
    """What the engine knows of the pairs, and whether it answers."""
    try:
        async with asyncio.timeout(practice.settings.read_timeout.total_seconds()):
            states = await calls.pair_states(practice.engine, names)
    except (EngineError, TimeoutError) as fault:
        what = f"the durable engine does not answer: {str(fault) or 'no answer in time'}"
        return {}, DoctorFinding(check="engine", ok=False, what=what, fix=ENGINE)
    return states, DoctorFinding(check="engine", ok=True, what="the durable engine tells the states of the pairs")


async def _unread_finding(practice: Practice) -> DoctorFinding:
    """Deliveries that could not be read."""
    try:
        async with asyncio.timeout(practice.settings.read_timeout.total_seconds()):
            counted = still_counted(await calls.unread_log(practice.engine), practice.clock.now())
    except (EngineError, TimeoutError):
        return DoctorFinding(
            check="deliveries", ok=None, what="the durable engine does not tell what could not be read"
        )
    if counted:
        what = "; ".join(describe(unread) for unread in counted)
        return DoctorFinding(
            check="deliveries", ok=False, what=what, fix="hubswitch events parse <a body as it was delivered>"
        )
    return DoctorFinding(check="deliveries", ok=True, what="every delivery of the last day could be read")


async def _notices(practice: Practice, plan: Plan) -> DoctorFinding:
    since = practice.clock.now() - seen.NOTICES_FOR
    found: list[OrchestrationState] = []
    try:
        async with asyncio.timeout(practice.settings.read_timeout.total_seconds()):
            found = await practice.engine.started_since(f"tell-{plan.pair}-", since)
    except (EngineError, TimeoutError):
        what = "the durable engine does not tell what became of notices"
        return DoctorFinding(check="notices", pair=plan.pair, ok=None, what=what)
    return seen.notice_finding(plan, found)


def _versions() -> DoctorFinding:
    packages = ", ".join(f"{name} {_version_of(name)}" for name in PACKAGES)
    return DoctorFinding(
        check="versions", ok=True, what=f"hubswitch {__version__}, Python {platform.python_version()}, {packages}"
    )


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
