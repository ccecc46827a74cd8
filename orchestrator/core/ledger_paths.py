"""Paths in the ledger's container that more than one module needs."""

from __future__ import annotations


def summary_path(pair: str, run: str) -> str:
    return f"{runs_folder(pair)}{run}/summary.json"


def runs_folder(pair: str) -> str:
    """Summaries of runs that have ended, and the jobs of their rounds."""
    return f"{pair}/runs/"


def skip_path(pair: str, run: str, step: str) -> str:
    """A person's wish that a run goes on without one of its steps."""
    return f"{runs_folder(pair)}{run}/skip-{step}.json"


def webhook_path(pair: str, run: str, step: str) -> str:
    """What has become of the webhook that a step of a run called."""
    return f"{runs_folder(pair)}{run}/webhook-{step}.json"


def pair_order_path(pair: str, run: str, step: str) -> str:
    """The order that a step of a run gives to another pair."""
    return f"{runs_folder(pair)}{run}/order-{step}.json"


def approval_path(pair: str, run: str, step: str) -> str:
    """A person's answer to a run that waits at one of its steps."""
    return f"{runs_folder(pair)}{run}/approval-{step}.json"


def evidence_path(pair: str, run: str) -> str:
    """What is kept of a run or a drill for auditors; ``run`` is its id as people see it."""
    return f"{runs_folder(pair)}{run}/evidence.json"


def incident_path(pair: str, run: str) -> str:
    """What Service Health said of the incident that a run answered; beside the evidence, which may be final."""
    return f"{runs_folder(pair)}{run}/incident.json"


def incidents_folder(pair: str) -> str:
    """Messages of Service Health about incidents in the pair's regions, each once."""
    return f"{pair}/incidents/"


def audit_folder(pair: str) -> str:
    """The audit log: blobs of a bounded number of lines, in order."""
    return f"{pair}/audit/"


def audit_path(pair: str, segment: int) -> str:
    return f"{audit_folder(pair)}{segment:08d}.jsonl"


def drill_path(pair: str, drill: str) -> str:
    return f"{drills_folder(pair)}{drill}.json"


def drills_folder(pair: str) -> str:
    """Reports of drills."""
    return f"{pair}/drills/"


def recovery_path(pair: str, run: str) -> str:
    """What became of deleted resources that were to be recovered."""
    return f"{recoveries_folder(pair)}{run}.json"


def recoveries_folder(pair: str) -> str:
    """Reports of recoveries."""
    return f"{pair}/recoveries/"


def existence_path(pair: str) -> str:
    """Which of the resources that the plan names were seen to be there, and which are gone."""
    return f"{pair}/readiness/existence.json"


LETTERS_ROOT = "_notices/"
"""Notices that wait for a channel, of all pairs of a container. No pair's name begins with an underscore."""


def letters_folder(pair: str) -> str:
    """Notices of a pair that wait for a channel."""
    return f"{LETTERS_ROOT}{pair}/"


SCHEDULES_ROOT = "_schedules/"
"""Switches of schedules that are not over yet, of all pairs of a container."""


def schedules_path(pair: str, epoch: int, step: str) -> str:
    """A step's switch of schedules, until it is over on both sides."""
    return f"{SCHEDULES_ROOT}{pair}/e{epoch:08d}-{step}.json"


def template_path(name: str) -> str:
    """A template that people have put into the container for the steps of plans."""
    return f"_templates/{name}"


def exchange_path(pair: str, epoch: int) -> str:
    """What was meant by an exchange of the sides that makes this epoch."""
    return f"{pair}/exchanges/e{epoch}.json"


def readiness_path(pair: str) -> str:
    """What the last look at the standby found."""
    return f"{pair}/readiness.json"


def inventory_path(pair: str) -> str:
    """The inventory of the active side, as it was read last."""
    return f"{pair}/readiness/inventory.json"


def copy_path(pair: str, key: str, source: str) -> str:
    """How far a copy that is made ahead has come, in one direction; ``source``: the side that it is made from."""
    return f"{pair}/copies/{key}/{source}.json"


SAVED_ROOT = "_saved/"
"""Logs of workspaces, of all pairs of a container."""


def saved_folder(pair: str, side: str, what: str) -> str:
    """What was saved of one side of a pair."""
    return f"{SAVED_ROOT}{pair}/{side}/{what}/"
