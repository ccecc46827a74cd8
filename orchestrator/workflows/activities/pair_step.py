"""Bodies of the step that orders another pair: keep the order, and look where that pair is.

An order is kept once for a run and step, and carries the epoch under which the other pair was then. Whether it was
taken, that pair's entity knows (``orchestrator.core.decision.given_orders``).
"""

from __future__ import annotations

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import InvalidInput, NotNow, PermanentError, TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.commands import Command, Do
from orchestrator.core.decision.given_orders import OrderAnswer
from orchestrator.core.epoch import EpochRecord
from orchestrator.core.ledger_paths import pair_order_path, skip_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_pair import PairWait, RunPair
from orchestrator.ports import Ledger, World
from orchestrator.workflows.activities.epoch import read_epoch, read_held_epoch, why_other_hub
from orchestrator.workflows.messages import StepOrder
from orchestrator.workflows.pair_orders import PairOrder

GIVER = "hubswitch"
"""By whom a run's order is given; its reason names the run."""


def keep_pair_order(world: World, order: StepOrder) -> PairOrder | None:
    """The order of a step, kept in the ledger; None if none is to be given: the pair is there, or the step is skipped.

    Raises:
        EpochFenced: the run does not hold its epoch any more.
        HubswitchError: the pair is not known here, or its epoch record or the ledger cannot be read.
    """
    read_held_epoch(world, order)
    step = order.step
    if not isinstance(step, RunPair):
        raise InvalidInput("order of a step", "step", "a step of kind run_pair", str(step and step.kind))
    record = read_pair_record(world, step.pair)
    ledger = world.ledgers[order.pair]
    if record.active is order.target or ledger.get(skip_path(order.pair, order.run, step.title)):
        return None
    made = _make(world, order, step, record)
    return keep_order(ledger, pair_order_path(order.pair, order.run, step.title), made)


def keep_order(ledger: Ledger, path: str, order: PairOrder) -> PairOrder:
    """The order that is kept under a path: this one, if there was none before.

    Raises:
        TemporaryError: it cannot be read.
    """
    found = ledger.get(path)
    if found is None:
        ledger.put_once(path, encode(order))
        found = ledger.get(path)
    if found is None:
        raise TemporaryError(f"the order to {order.pair} was written and cannot be read")
    return read_record(found, PairOrder, path)


def run_pair(world: World, order: StepOrder, step: RunPair) -> None:
    """Return if the other pair is on the side that the run leads to, or has taken an order that nobody waits for.

    Raises:
        NotNow: the pair has refused the order; the sentence is its own.
        PermanentError: what was ordered has ended, and the pair is where it was.
        TemporaryError: it is under way, or it is not known where the pair stands.
    """
    record = read_pair_record(world, step.pair)
    if record.active is order.target:
        return
    if order.answer is None or not order.answer.is_taken or step.wait is PairWait.SWITCHED:
        check_switched(record, step.pair, order.answer)


def check_switched(record: EpochRecord, pair: str, answer: OrderAnswer | None) -> None:
    """Raise why a pair is not on the wanted side, which its epoch record does not name.

    Raises:
        NotNow: the pair has refused the order; the sentence is its own.
        PermanentError: what was ordered has ended, and the pair is where it was.
        TemporaryError: it is under way, or was not ordered yet.
    """
    if answer is None:
        raise TemporaryError(f"{pair} is on the {record.active}, and was not ordered yet")
    if not answer.is_taken:
        raise NotNow(f"{pair} refused the order: {answer.why}")
    aborted = next((each for each in record.aborted if each.run == answer.run), None)
    if aborted is not None:
        raise PermanentError(f"{aborted.by} aborted {aborted.run}: {aborted.reason}")
    told = f"{pair} is still on the {record.active}: {answer.why}"
    raise PermanentError(told) if answer.is_over else TemporaryError(told)


def preview_run_pair(world: World, _plan: Plan, target: Role, step: RunPair) -> str:
    """What would be ordered as things stand. Whether the other pair would take the order is not asked.

    Raises:
        HubswitchError: the pair is not known here, or its epoch record cannot be read.
    """
    record = read_pair_record(world, step.pair)
    if record.active is target:
        return f"{step.pair} is on the {target} already"
    return f"it would order the {choose_direction(target)} of {step.pair}, which is on the {record.active}"


def _make(world: World, order: StepOrder, step: RunPair, record: EpochRecord) -> PairOrder:
    do = choose_direction(order.target)
    command = Command(
        do=do,
        by=GIVER,
        reason=f"ordered by the run {order.run} of pair {order.pair}",
        graceful=order.graceful and do is Do.FAILOVER,
        epoch=record.epoch,
    )
    return PairOrder(id=f"{order.run}/{step.title}", pair=step.pair, command=command, at=world.clock.now())


def choose_direction(target: Role) -> Do:
    """What leads a pair to a side. A failover that leads back to the primary orders a failback: nothing is forced."""
    return Do.FAILOVER if target is Role.SECONDARY else Do.FAILBACK


def read_pair_record(world: World, pair: str) -> EpochRecord:
    """The epoch record of another pair.

    Raises:
        InvalidInput: no plan is for that pair.
        PermanentError: the record means another hub than the pair's plan.
        TemporaryError: there is none, or it cannot be read now.
    """
    if pair not in world.plans:
        known = ", ".join(sorted(world.plans))
        raise InvalidInput("plan", "steps", f"a pair that this app watches, one of {known}", repr(pair))
    record = read_epoch(world, pair)
    if fault := why_other_hub(record, world.plans[pair]):
        raise PermanentError(fault)
    return record
