"""Who asks while something is under way gets what it comes to; what nobody waited for is kept only where it may be."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.triggers.single_flight import SingleFlight


class Work:
    """Counts how often it is begun; ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        return number


def test_all_who_ask_meanwhile_get_one_answer_and_one_who_hangs_up_stops_nothing() -> None:
    """Another key has work of its own, and who asks after the end begins anew."""

    async def ask() -> None:
        flight, work = SingleFlight[str, int](), Work()
        asked = [asyncio.create_task(flight.run("a", work)) for _ in range(3)]
        other = asyncio.create_task(flight.run("b", work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked[0].cancel()
        work.may_end.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert (found[1:], await other, work.begun) == ([1, 1], 2, 2)
        assert await flight.run("a", work) == 3

    asyncio.run(ask())


@pytest.mark.parametrize(("keeps", "answer"), [(True, 1), (False, 2)])
def test_what_ended_with_nobody_waiting_is_given_to_the_next_only_if_it_is_kept(keeps: bool, answer: int) -> None:
    """A report that outlasts a request is there for the next one; a look at health would be an old one."""

    async def ask() -> None:
        flight, work = SingleFlight[str, int](keeps_unread=keeps), Work()
        first = asyncio.create_task(flight.run("a", work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        work.may_end.set()
        await asyncio.sleep(0.01)
        assert await flight.run("a", work) == answer

    asyncio.run(ask())


def test_a_fault_is_everybodys_and_nobodys_afterwards() -> None:
    """It is not remembered."""

    async def fail() -> int:
        raise ValueError("not now")

    async def ask() -> None:
        flight, work = SingleFlight[str, int](keeps_unread=True), Work()
        found = await asyncio.gather(*(flight.run("a", fail) for _ in range(2)), return_exceptions=True)
        assert [str(each) for each in found] == ["not now", "not now"]
        work.may_end.set()
        assert await flight.run("a", work) == 1

    asyncio.run(ask())
