"""Two pairs, a worker that carries their entities, and nobody else who looks at them or polls for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.durable_functions import DurableFunctionsClient

from orchestrator.bootstrap import Deployment
from orchestrator.local.engine import LocalEngine
from orchestrator.local.functions import client_configuration, durable_worker, index_app
from orchestrator.local.session import variables
from orchestrator.local.simulated_plan import plan_yaml
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.triggers.registration import build


@dataclass(frozen=True)
class WatchedPairs:
    """What a test of a timer needs of a deployment."""

    azure: LocalAzure
    engine: LocalEngine
    deployment: Deployment

    def ask[T](self, question: Callable[[DurableFunctionsClient], Awaitable[T]]) -> T:
        """What a trigger would do with a durable client, in a loop of its own."""

        async def asked() -> T:
            client = DurableFunctionsClient(client_configuration(self.engine.address, "http://x"))
            try:
                return await question(client)
            finally:
                await client.close()
                await self.deployment.aclose()

        return asyncio.run(asked())

    def store(self, pair: str, text: str | None) -> None:
        """Put a state into a pair's entity, as another version or a slip of the hand might have."""
        with self.engine._lock:
            self.engine._entities[f"@pair@{pair}"].serialized_state = text


@contextmanager
def watched_pairs[T: WatchedPairs](
    kind: type[T], simulated: LocalAzure, pairs: tuple[str, ...], folder: Path, **policy: Any
) -> Iterator[T]:
    """The pairs of this simulated Azure, with plans in the folder; ``policy``: fields of each plan's policy."""
    with simulated as azure, LocalEngine() as engine, variables(azure.environment()):
        for pair in pairs:
            (folder / f"{pair}.yaml").write_text(plan_yaml(azure, pair, **policy), encoding="utf-8")
        deployment = Deployment({**os.environ, "HUBSWITCH_PLANS": str(folder)}, folder)
        worker = durable_worker(index_app(build(deployment)), engine.address)
        worker.start()  # type: ignore[no-untyped-call]
        try:
            yield kind(azure, engine, deployment)
        finally:
            worker.stop()  # type: ignore[no-untyped-call]
