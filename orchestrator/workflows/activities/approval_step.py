"""Body of the step at which a run waits for a person, and the answer that people give."""

from __future__ import annotations

from orchestrator.core.base.codec import encode, read_record
from orchestrator.core.base.errors import TemporaryError
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.ledger_paths import approval_path
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps_approval import AwaitApproval
from orchestrator.ports import Ledger, World
from orchestrator.workflows.messages import StepAnswer, StepOrder


def await_approval(world: World, order: StepOrder, step: AwaitApproval) -> str:
    """Empty once a person has approved; who rejected it and why, once one has.

    Raises:
        TemporaryError: nobody has answered yet, or the ledger cannot be read.
    """
    found = read_answer(world.ledgers[order.pair], order.pair, order.run, step.title)
    if found is None:
        proposal = f"{order.run}/{step.title}"
        raise TemporaryError(f"it waits for a person: hubswitch approve {order.pair} --proposal {proposal}, or reject")
    return "" if found.is_approved else f"{found.by} rejected it: {found.reason}"


def preview_approval(_world: World, _plan: Plan, _target: Role, step: AwaitApproval) -> str:
    """What people would be asked."""
    return f"the run would wait here for a person{f' to answer: {step.question}' if step.question else ''}"


def answer_step(ledger: Ledger, pair: str, run: str, answer: StepAnswer) -> bool:
    """Keep a person's answer; False if somebody has answered before, and that counts."""
    return ledger.put_once(approval_path(pair, run, answer.step), encode(answer))


def read_answer(ledger: Ledger, pair: str, run: str, step: str) -> StepAnswer | None:
    """What a person has answered; None if nobody has."""
    path = approval_path(pair, run, step)
    kept = ledger.get(path)
    return read_record(kept, StepAnswer, path) if kept else None
