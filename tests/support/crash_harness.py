"""Runs of a pair whose worker can be killed or frozen anywhere, and what the world looks like afterwards."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
from durabletask.client import TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from endless_jobs import FOR_EVER
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed
from waiting import until

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.codec import to_builtins
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import JobPolicy, Mode, Observation, Role, Surface
from orchestrator.core.decision.observation import Observed
from orchestrator.core.decision.state import PairState, read_state
from orchestrator.core.jobs.record import Asset, JobRecord, JobStatus
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import MoveJobs, Workflow
from orchestrator.core.signals.signal import probe_signal
from orchestrator.local.engine import Checkpoint, LocalEngine
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_of, yaml_of
from orchestrator.local.workload import User
from orchestrator.ports import World
from orchestrator.settings import settings_from
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows import names
from orchestrator.workflows.activities.assets import AssetCopier
from orchestrator.workflows.activities.epoch import ensure_pair
from orchestrator.workflows.messages import RunKind, RunOrder

POLICY = {
    "mode": Mode.AUTO,
    "green_drills": 0,
    "probe_interval": timedelta(seconds=1),
    "suspect_interval": timedelta(seconds=1),
    "confirm_after": timedelta(seconds=4),
    "confirm_after_notice": timedelta(seconds=2),
    "evidence_lifetime": timedelta(minutes=5),
    "cooldown": timedelta(hours=1),
}


MOVE_ONLY = Workflow(failover=(MoveJobs(),))

PATIENCE = 300.0
"""Seconds in which the process that forks workers must have ended."""

TAIL = 4000
"""Characters of standard error that a complaint quotes."""

ATTEMPTS = 5
"""Runs in which one place is looked for."""

RACED = (" ledgers.names", " ledgers.page", " ledgers.write_page")
"""Crossings whose number depends on who comes first."""


class Nursery:
    """The process that forks workers. What it and they write to standard error lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("nursery.py")
        self.folder = folder
        self._said = folder / "nursery.err"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise AssertionError(
                f"the process that forks workers died: {ending(self._process.wait())}{tail(self._said)}"
            )
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.stdout.close()


class WorkerDied(AssertionError):
    """A worker is dead that had something to do."""


class Worker:
    """One forked worker."""

    def __init__(self, nursery: Nursery, pid: int, said: Path) -> None:
        self._nursery = nursery
        self.pid = pid
        self._process = psutil.Process(pid)
        self._said = said
        self._status: int | None = None
        """As ``os.waitpid`` gives it, once its end was waited for."""

    def is_gone(self) -> bool:
        return self._in({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})

    def is_frozen(self) -> bool:
        return self._in({psutil.STATUS_STOPPED})

    def thaw(self) -> None:
        self._process.resume()

    def end(self) -> None:
        """Kill it if it lives, and wait for its end."""
        with suppress(psutil.NoSuchProcess):
            self._process.kill()
        self._reap()

    def why_gone(self) -> str:
        """How it ended and the last of what it wrote to standard error. Only for one that is gone."""
        return f"process {self.pid} {ending(os.waitstatus_to_exitcode(self._reap()))}{tail(self._said)}"

    def told(self) -> str:
        """What it does now, for people."""
        if self._status is not None or self.is_gone():
            return self.why_gone()
        try:
            threads = len(self._process.threads())
            return f"process {self.pid}, {self._process.status()}, {threads} threads, {self._process.cpu_times()}"
        except psutil.NoSuchProcess:
            return self.why_gone()

    def _reap(self) -> int:
        if self._status is None:
            self._status = int(self._nursery.ask(do="reap", pid=self.pid)["status"])
        return self._status

    def _in(self, states: set[str]) -> bool:
        try:
            return self._process.status() in states
        except psutil.NoSuchProcess:
            return True


def ending(code: int) -> str:
    """How a process ended, in words; a negative code is a signal."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def tail(said: Path) -> str:
    """The last of what a process wrote to standard error."""
    text = said.read_text(encoding="utf-8", errors="replace").strip() if said.exists() else ""
    return f"; it wrote:\n{text[-TAIL:]}" if text else "; it wrote nothing to standard error"


@dataclass(frozen=True)
class Templates:
    """Jobs as the primary gave them, and what they need, taken before anything went wrong."""

    bodies: Mapping[str, dict[str, Any]]
    closures: Mapping[str, tuple[Asset, ...]]
    kept: Mapping[str, bytes]
    """Ledger path without its pair -> snapshot."""


@dataclass(frozen=True)
class Outcome:
    """Everything that must not depend on what was killed when. Times are left out."""

    epoch: tuple[int, str, str | None]
    pointers: tuple[tuple[int, str, str], ...]
    jobs: Mapping[str, tuple[str, str | None, int, str]]
    submitted: tuple[str, ...]
    made: tuple[str, ...]
    """What the jobs need that exists in the standby."""
    phase: str
    summary: bool


class Bench:
    """A local Azure with jobs to move, and as many pairs as there are visits."""

    def __init__(self, azure: LocalAzure, nursery: Nursery, folder: Path) -> None:
        self.azure = azure
        self.nursery = nursery
        self._folder = folder
        self._pairs = 0
        self.settings = settings_from({**os.environ, "HUBSWITCH_PLANS": "."})
        self.templates = self._taken()

    def visit(self, **fields: Any) -> Visit:
        """A pair of its own: jobs in its ledger, the pointer at its primary, nothing of their needs in the standby.

        ``fields`` take the place of those of the usual plan.
        """
        pair = self.next_pair
        plan = msgspec.structs.replace(plan_of(self.azure, **POLICY), pair=pair, **fields)
        return self._visit(plan, self._folder / f"{pair}.yaml", None)

    @property
    def next_pair(self) -> str:
        """The pair of the visit that comes next."""
        return f"p{self._pairs + 1:04d}"

    @property
    def next_other(self) -> str:
        """The second pair of that visit."""
        return f"{self.next_pair}-other"

    def visit_two(self, *, other: Mapping[str, Any], **fields: Any) -> Visit:
        """The same with a second pair beside it, which has no jobs and no project at its primary.

        ``other`` are fields of its plan and of its policy; it switches by order only, if they do not say otherwise.
        """
        usual = msgspec.structs.replace(plan_of(self.azure, **POLICY), pair=self.next_pair, **fields)
        primary = msgspec.structs.replace(usual.primary, project="another")
        policy = msgspec.structs.replace(usual.policy, mode=Mode.OBSERVE)
        own = {"pair": self.next_other, "primary": primary, "policy": policy, "steps": MOVE_ONLY, **other}
        beside = msgspec.structs.replace(plan_of(self.azure, **POLICY), **own)
        folder = self._folder / self.next_pair
        folder.mkdir()
        return self._visit(usual, folder, beside)

    def _visit(self, plan: Plan, place: Path, other: Plan | None) -> Visit:
        self._pairs += 1
        for asset in self.needed_there():
            self.azure.call(partial(self.azure.resources.drop, asset))
        pair = plan.pair
        plans = {pair: plan} | ({other.pair: other} if other else {})
        world = assemble(self.settings, plans, SystemClock())
        for each in plans.values():
            file = place / f"{each.pair}.yaml" if other else place
            file.write_text(yaml_of(each), encoding="utf-8")
            patiently(partial(ensure_pair, world, each, world.clock.now()))
        visit = Visit(self, plan, place, world, other)
        for kind in self.templates.bodies:
            visit.record(kind, Role.PRIMARY)
        for path, data in self.templates.kept.items():
            world.ledgers[pair].put_once(f"{pair}/{path}", data)
        return visit

    def needed_there(self) -> list[str]:
        """The ids in the standby of what the jobs need."""
        plan = plan_of(self.azure)
        here, there = plan.primary.project_id, plan.secondary.project_id
        return [asset.id.replace(here, there) for needed in self.templates.closures.values() for asset in needed]

    def _taken(self) -> Templates:
        plan = plan_of(self.azure, **POLICY)
        world = assemble(self.settings, {plan.pair: plan}, SystemClock())
        user = User(self.azure)
        code, environment = user.code(plan.primary), user.environment(plan.primary)
        common = {
            "jobType": "Command",
            "command": "python train.py",
            "experimentName": "crash",
            "computeId": f"{plan.primary.project_id}/computes/cpu-cluster",
            "environmentId": f"{plan.primary.project_id}/environments/train-env/versions/1",
            "tags": {"local.duration": FOR_EVER},
        }
        shapes = {
            "plain": {},
            "coded": {"codeId": code, "environmentId": environment},
            "never": {"tags": {"hubswitch.policy": "never", "local.duration": FOR_EVER}},
        }
        bodies = {kind: user.submit(plan.primary, f"template-{kind}", common | more) for kind, more in shapes.items()}
        needed = (Asset(kind="environment", id=environment), Asset(kind="code", id=code))
        AssetCopier(world, plan, Role.PRIMARY).keep(needed)
        ledger = world.ledgers[plan.pair]
        paths = [path.removeprefix(f"{plan.pair}/") for path in ledger.names(f"{plan.pair}/assets/")]
        kept = {path: ledger.get(f"{plan.pair}/{path}") or b"" for path in paths}
        return Templates(bodies, {"coded": needed}, kept)


class Visit:
    """One pair, run once."""

    def __init__(self, bench: Bench, plan: Plan, place: Path, world: World, other: Plan | None = None) -> None:
        self.bench = bench
        self.plan = plan
        self.other = other
        """The plan of a second pair beside it, if there is one."""

        self.world = world
        self._place = place
        self._workers = 0

    @property
    def pair(self) -> str:
        return self.plan.pair

    def record(self, kind: str, side: Role, mark: str = "") -> None:
        """Put a job into the ledger, as capture would have."""
        now = datetime.now(UTC)
        name = f"{self.pair}-{mark or kind}-{side}"
        self.world.ledgers[self.pair].create(
            JobRecord(
                pair=self.pair,
                name=name,
                root=name,
                hub=side,
                status=JobStatus.RUNNING,
                policy=JobPolicy.NEVER if kind == "never" else JobPolicy.IF_INTERRUPTED,
                api_version="2025-01-01-preview",
                body=self.bench.templates.bodies[kind],
                azure_status="Running",
                captured_at=now,
                closure=self.bench.templates.closures.get(kind, ()),
            )
        )

    def worker(
        self, engine: LocalEngine, *, act_at: str | int | None = None, act: str = "kill", log: str = ""
    ) -> Worker:
        environment = {"HUBSWITCH_PLANS": str(self._place)}
        nursery = self.bench.nursery
        self._workers += 1
        said = nursery.folder / f"{self.pair}-{self._workers}.err"
        found = nursery.ask(
            do="start",
            environment=environment,
            engine=engine.address,
            act_at=act_at,
            act=act,
            log=log,
            said=str(said),
        )
        return Worker(nursery, found["pid"], said)

    def outage(self, client: TaskHubGrpcClient) -> None:
        """Tell the entity what a failing primary looks like, as the last looks would have; a second pair is well."""
        if self.other is not None:
            self.see_other_well(client)
        end = datetime.now(UTC)
        for seconds in (8, 6, 4, 2, 0):
            at = end - timedelta(seconds=seconds)
            seen = Observed(now=at, signals=tuple(_signals(at)), is_look=True)
            entity = EntityInstanceId(names.PAIR_ENTITY, self.pair)
            client.signal_entity(entity, names.OBSERVE, input=to_builtins(seen))

    def see_other_well(self, client: TaskHubGrpcClient) -> None:
        """Tell the second pair's entity what a look at two sides shows that are well."""
        assert self.other is not None
        self.see_well(client, self.other.pair)

    def see_well(self, client: TaskHubGrpcClient, pair: str) -> None:
        """The same of a pair."""
        at = datetime.now(UTC)
        seen = Observed(now=at, signals=tuple(_signals(at, ill=None)), is_look=True)
        entity = EntityInstanceId(names.PAIR_ENTITY, pair)
        client.signal_entity(entity, names.OBSERVE, input=to_builtins(seen))

    def state(self, client: TaskHubGrpcClient, pair: str = "") -> PairState | None:
        found = client.get_entity(EntityInstanceId(names.PAIR_ENTITY, pair or self.pair))
        stored = found.get_state(str) if found else None
        return read_state(stored) if stored else None

    def outcome(self, client: TaskHubGrpcClient) -> Outcome:
        """What the stores, the hubs and the entity show now, under names that do not depend on the pair."""
        return patiently(lambda: self._outcome(client))

    def _outcome(self, client: TaskHubGrpcClient) -> Outcome:
        record = self.world.epochs[self.pair].read(self.pair)
        assert record is not None
        endpoints = (self.plan.pointer.endpoint, *self.plan.pointer.replicas)
        shown = [self.world.pointers[self.pair].read_from(self.pair, endpoint) for endpoint in endpoints]
        state = self.state(client)
        ours = [job.name for job in self.bench.azure.truth.jobs() if job.name.startswith(f"{self.pair}-")]
        kept = self.world.ledgers[self.pair].names(f"{self.pair}/runs/")
        return Outcome(
            epoch=(record.value.epoch, record.value.active.value, self._plain(record.value.run)),
            pointers=tuple((value.epoch, value.active.value, value.project) for value in shown if value),
            jobs=self._jobs(),
            submitted=tuple(sorted(str(self._plain(name)) for name in ours)),
            made=self._made(),
            phase=f"{state.phase} {state.epoch} {state.active}" if state else "none",
            summary=any(path.endswith("summary.json") for path in kept),
        )

    def _made(self) -> tuple[str, ...]:
        azure, needed = self.bench.azure, self.bench.needed_there()
        return tuple(asset for asset in needed if azure.call(partial(azure.resources.get, asset)))

    def _jobs(self) -> dict[str, tuple[str, str | None, int, str]]:
        found = {}
        for summary in self.world.ledgers[self.pair].summaries(self.pair):
            read = self.world.ledgers[self.pair].read(self.pair, summary.name)
            assert read is not None
            record = read.value
            found[str(self._plain(record.name))] = (
                record.status.value,
                self._plain(record.successor),
                record.epoch,
                record.hub.value,
            )
        return found

    def _plain(self, text: str | None) -> str | None:
        return text.replace(self.pair, "pair") if text else text


@contextmanager
def running(checkpoint: Checkpoint | None = None) -> Iterator[tuple[LocalEngine, TaskHubGrpcClient]]:
    """An engine and a client of it."""
    with LocalEngine(checkpoint=checkpoint) as engine:
        client = TaskHubGrpcClient(host_address=engine.address, logger=logging.getLogger("hubswitch.engine"))
        try:
            yield engine, client
        finally:
            client.close()


@contextmanager
def bench(folder: Path, *, primary_down: bool) -> Iterator[Bench]:
    """Everything that visits need."""
    with LocalAzure(seed=11, speed=1000) as azure, variables(azure.environment()):
        azure.throttle.enabled = False
        nursery = Nursery(folder)
        try:
            made = Bench(azure, nursery, folder)
            if primary_down:
                azure.region_down(plan_of(azure).primary.region)
            yield made
        finally:
            nursery.close()


def patiently[T](attempt: Callable[[], T]) -> T:
    """What an attempt returns, tried again where a connection was lost: this is the stage, not the play."""
    retrying = Retrying(
        retry=retry_if_exception_type(TemporaryError), stop=stop_after_attempt(5), wait=wait_fixed(0.5), reraise=True
    )
    return retrying(attempt)


def until_seen[T](holds: Callable[[], T | None], what: str, engine: LocalEngine, *workers: Worker) -> T:
    """What ``until`` gives, for something that these workers bring about.

    Fails at once when one of them is dead, with how it ended, and otherwise when nothing in the engine moves any more.
    A wait for a worker's end asks for that in ``holds``, which is looked at first.
    """

    def look() -> T | None:
        dead = [worker for worker in workers if worker.is_gone()]
        found = holds()  # after the look at the workers: what came true in a worker's last moment counts
        if dead and not found:
            raise WorkerDied(f"a worker died before this came: {what}; {dead[0].why_gone()}; {engine.told()}")
        return found

    try:
        return until(look, what, moved=engine.told)
    except WorkerDied:
        raise
    except AssertionError as fault:
        told = "".join(f"; a worker is {worker.told()}" for worker in workers)
        raise AssertionError(f"{fault}; {engine.told()}{told}") from fault


def wait_until_idle(engine: LocalEngine, what: str, *workers: Worker) -> None:
    """Wait until an engine has nothing left to do."""
    until_seen(engine.idle, what, engine, *workers)


def is_over(visit: Visit, client: TaskHubGrpcClient) -> bool:
    """Whether the pair has come to rest on the other side and everything behind it is done."""
    state = visit.state(client)
    return state is not None and state.phase.value == "settled" and state.run is None


def met[T](attempt: Callable[[str], tuple[T, bool]], place: str) -> tuple[T, bool]:
    """What an attempt at a place of a run returns: an outcome, and whether the place was reached.

    Some steps come once more or less in one run than in another: keepers of decisions race for one page and read it
    again when they lose, and messages are taken one by one or together. A place that is missed is looked for again.
    A miss changes nothing in what has to come out.
    """
    for _ in range(ATTEMPTS):
        outcome, reached = attempt(place)
        if reached:
            break
    return outcome, reached


def is_certain(crossing: str) -> bool:
    """Whether every run comes by this crossing; the others are the races of ``met``."""
    where, _, number = crossing.partition("#")
    return not where.endswith(RACED) or int(number) == 1


def order_of(visit: Visit, epoch: int) -> RunOrder:
    """The order of the ``epoch``-th switch of a pair: there with odd numbers, back with even ones."""
    there = epoch % 2 == 1
    now = datetime.now(UTC)
    kind = RunKind.FAILOVER if there else RunKind.FAILBACK
    return RunOrder(
        pair=visit.pair,
        kind=kind,
        run=f"{kind}-{visit.pair}-e{epoch}",
        epoch=epoch,
        source=Role.PRIMARY if there else Role.SECONDARY,
        target=Role.SECONDARY if there else Role.PRIMARY,
        why="a test",
        decided_at=now,
        doubted_since=now,
        claim_by=now + timedelta(hours=1),
        beat=timedelta(milliseconds=50),
        longest=timedelta(milliseconds=200),
    )


def start(client: TaskHubGrpcClient, order: RunOrder) -> None:
    """Begin a run as the entity would."""
    client.schedule_new_orchestration(names.SWITCH_RUN, input=to_builtins(order), instance_id=order.run)


def _signals(at: datetime, ill: Role | None = Role.PRIMARY) -> list[Any]:
    bad = {Surface.HUB, Surface.JOBS, Surface.STORAGE}
    seen = []
    for role in Role:
        for surface in (Surface.HUB, Surface.JOBS, Surface.STORAGE, Surface.CONTROL):
            observation = Observation.BAD if role is ill and surface in bad else Observation.OK
            seen.append(probe_signal(role, surface, observation, at, f"{surface} is {observation}"))
    return seen
