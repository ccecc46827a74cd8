"""Write anew what today's code makes of a failover, a drill and a failback: `make histories`, for a release.

The histories of the engine are kept in tests/upgrade/histories, one of each orchestrator and two of a switch.
A later version has to be able to replay them: see tests/upgrade/test_histories.py.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import requests
from durabletask.client import TaskHubGrpcClient

sys.path.insert(0, str(Path(__file__).parent / "support"))

from deployed_app import count_captured
from histories import FOLDER, History, keep, read_histories
from waiting import until

from orchestrator.local.session import Local, session
from orchestrator.local.up import subscribe_projects
from orchestrator.local.workload import submit_workload
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.workflows import names

JOBS = 4


def record(local: Local) -> list[History]:
    """A region goes down and comes back; jobs move, a canary runs, and a person leads the way home."""
    headers, url = {"x-functions-key": local.key}, f"{local.host.url}/api/pairs/demo"

    def order(do: str, **more: Any) -> bool:
        body = {"reason": "a recording", "by": "ana", **more}
        return requests.post(f"{url}/{do}", json=body, headers=headers, timeout=120).ok

    def is_settled(epoch: int) -> bool:
        seen = requests.get(url, headers=headers, timeout=120).json()
        return seen.get("epoch") == epoch and seen["phase"] in {"settled", "steady"}

    client = TaskHubGrpcClient(host_address=local.engine.address)
    submit_workload(local.azure, local.plan.primary, JOBS, seed=5)
    until(lambda: count_captured(local.azure, local.plan) == JOBS, "every job in the ledger")
    local.azure.region_down(local.plan.primary.region)
    until(lambda: is_settled(1), "the failover")
    local.azure.region_up(local.plan.primary.region)
    until(lambda: order("acknowledge"), "the acknowledgement taken")
    until(lambda: order("drill", kind="canary"), "the drill taken")
    until(lambda: any(each.name == names.DRILL_RUN and not is_open(each) for each in read_histories(client)), "a drill")
    until(lambda: order("failback", force=True) or is_settled(2), "the failback taken")
    until(lambda: is_settled(2), "the failback")
    until(lambda: not {history.name for history in read_histories(client) if is_open(history)}, "the end of all")
    return list(read_histories(client))


def is_open(history: History) -> bool:
    return not any(event.HasField("executionCompleted") for event in history.events)


def chosen(histories: list[History]) -> dict[str, History]:
    """The longest of each orchestrator, by the name of its file."""
    longest: dict[str, History] = {}
    for history in histories:
        kind = (
            f"{history.name}-{history.instance.partition('-')[0]}" if history.name == names.SWITCH_RUN else history.name
        )
        if len(history.events) > len(longest.get(kind, History("", ())).events):
            longest[kind] = history
    return longest


async def main() -> None:
    azure = LocalAzure(seed=5, speed=60)
    async with session(seed=5, speed=60, azure=azure) as local:
        await asyncio.to_thread(subscribe_projects, local)
        histories = await asyncio.to_thread(record, local)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, history in chosen(histories).items():
        keep(history, FOLDER / f"{name}.json")


if __name__ == "__main__":
    asyncio.run(main())
