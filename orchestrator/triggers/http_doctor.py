"""``GET doctor``: does everything hold that a failover needs? Asked with the app's own identities, changing nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import azure.functions as func

from orchestrator.bootstrap import Deployment
from orchestrator.core.base.codec import to_builtins
from orchestrator.doctor.findings import DoctorReport
from orchestrator.ports import Engine
from orchestrator.triggers.answers import answer
from orchestrator.triggers.http_pairs import Handler, guard, plan_named
from orchestrator.triggers.single_flight import SingleFlight

THREADS = 16
"""Threads of its own: an examination takes none from looks and runs."""


class Doctor:
    """One examination at a time for each pair, and one of all: whoever asks meanwhile gets the same answer."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._began = deployment.clock.now()
        self._examinations: SingleFlight[str | None, DoctorReport] = SingleFlight()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hubswitch-doctor")

    async def report(self, pair: str | None, engine: Engine) -> DoctorReport:
        """What is found of one pair, or of all."""
        return await self._examinations.run(pair, lambda: self._examine(pair, engine))

    async def _examine(self, pair: str | None, engine: Engine) -> DoctorReport:
        # Imported at the first question: a worker's start should not pay for what few of them are asked.
        from orchestrator.doctor.examine import Practice, examine
        from orchestrator.doctor.seen import Arrived

        deployment = self._deployment
        world = await deployment.assembled()
        trials = await asyncio.to_thread(lambda: deployment.trials)
        memory = deployment.memory.arrivals
        practice = Practice(
            settings=deployment.settings,
            plans=deployment.plans,
            clock=deployment.clock,
            world=world._replace(probes=world.probes.for_one_tick()),
            trials=trials,
            engine=engine,
            arrived=Arrived(self._began, memory.runs, memory.alerts),
            threads=self._threads,
        )
        return await examine(practice, deployment.plans if pair is None else [pair])


def doctor(deployment: Deployment) -> Handler:
    """``GET doctor?pair=``: one line for each thing that must hold, and one sentence for each pair."""
    made = Doctor(deployment)

    async def handler(req: func.HttpRequest, engine: Engine) -> func.HttpResponse:
        pair = req.params.get("pair")
        if pair is not None:
            plan_named(deployment, pair)
        return answer(to_builtins(await made.report(pair, engine)))

    return guard(handler)
