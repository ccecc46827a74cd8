"""Bodies that nobody honest would send, at a running app: every one is answered, and none stays in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import aiohttp

from bench.app import KEY, App, serving
from bench.bodies import Post
from bench.measure import Measured, at_most, say
from bench.stage import stage
from orchestrator.core.plan.schema import Plan

BODIES = 20_000
QUICK_BODIES = 400
SENDERS = 16
SEED = 13
GROWTH = 1.1
"""Resident memory at the end over that after the first fifth."""

HOW = """\
The whole app in a process of its own, timers off. 20,000 bodies are posted with a key to api/events and api/alerts by \
sixteen senders at once, made from a seed: real deliveries cut off, with bytes changed, with a value exchanged for \
nonsense of any type, nested ten thousand deep, as text of text of text, with keys doubled, in other encodings, \
compressed, half compressed, falsely said to be compressed, with headers of binary CloudEvents that contradict the \
body, arrays of thousands of nothings, megabytes of blanks, and noise. Counted: answers of each status; no answer \
counts as a 5xx. Memory: resident size of the app at the end / after a fifth of the bodies, garbage collected."""


class Sent(NamedTuple):
    """One request: what is in it, and what is said about it."""

    body: bytes
    headers: dict[str, str]


def measured(*, quick: bool) -> Measured:
    number = QUICK_BODIES if quick else BODIES
    with stage() as at:
        pair = at.pair("hostile")
        with serving(at, pair) as app:
            found = asyncio.run(_post_all(app, pair.plan, number))
    growth = found["memory_mib"]["end"] / found["memory_mib"]["after_a_fifth"]
    goals = (
        at_most(0.0, found["server_errors"], "hostile: answers that are 5xx, or none"),
        at_most(GROWTH, growth, "hostile: memory at the end / after a fifth"),
    )
    return Measured(goals=goals, runs=number, how=HOW, figures=found)


async def _post_all(app: App, plan: Plan, number: int) -> dict[str, Any]:
    dice = random.Random(SEED)  # noqa: S311 - a fixed mixture
    post = Post(plan, SEED, datetime.now(UTC) - timedelta(hours=1), timedelta(milliseconds=50))
    status: Counter[str] = Counter()
    worst: dict[str, str] = {}
    memory: dict[str, float] = {}
    gap = blocked = 0.0
    begun = asyncio.get_running_loop().time()
    async with aiohttp.ClientSession(headers={"x-functions-key": KEY}) as web:
        for turn in range(5):
            todo = [(make.__name__.strip("_"), make(dice, post)) for make in dice.choices(MAKERS, k=number // 5)]
            await asyncio.gather(*(_send(web, app, todo[at::SENDERS], status, worst) for at in range(SENDERS)))
            seen = await asyncio.to_thread(app.seen)
            gap, blocked = max(gap, seen["longest_gap_ms"]), max(blocked, seen["blocked_ms"])
            memory["end"] = seen["memory_mib"]
            memory.setdefault("after_a_fifth", seen["memory_mib"])
            say(f"hostile: {(turn + 1) * (number // 5)} of {number} bodies, {dict(status)}, {memory['end']} MiB")
    took = asyncio.get_running_loop().time() - begun
    failed = sum(count for code, count in status.items() if code == "none" or code[0] == "5")
    return {
        "status": dict(sorted(status.items())),
        "server_errors": failed,
        "server_errors_by_kind": worst,
        "memory_mib": memory,
        "longest_gap_ms": gap,
        "blocked_ms": blocked,
        "bodies_per_second": round(number / took, 1),
    }


async def _send(
    web: aiohttp.ClientSession, app: App, todo: list[tuple[str, Sent]], status: Counter[str], worst: dict[str, str]
) -> None:
    for number, (kind, sent) in enumerate(todo):
        where = f"{app.url}/api/{'alerts' if number % 3 == 0 else 'events'}"
        code, said = await _once(web, where, sent)
        if code == "none":  # the host may have closed a connection behind a body that it could not read to its end
            status["asked again on another connection"] += 1
            code, said = await _once(web, where, sent)
        status[code] += 1
        if code == "none" or code[0] == "5":
            worst[kind] = f"{code} {said[:200]}"


async def _once(web: aiohttp.ClientSession, where: str, sent: Sent) -> tuple[str, str]:
    """Status and words of the answer; ``none`` and why if there is none."""
    try:
        async with web.post(where, data=sent.body, headers=sent.headers) as answer:
            return str(answer.status), await answer.text()
    except aiohttp.ClientError as fault:
        return "none", type(fault).__name__


def _real(post: Post) -> bytes:
    return json.dumps(post.next()).encode()


def _cut_off(dice: random.Random, post: Post) -> Sent:
    whole = _real(post)
    return Sent(whole[: dice.randrange(len(whole))], {})


def _with_bytes_changed(dice: random.Random, post: Post) -> Sent:
    body = bytearray(_real(post))
    for _ in range(dice.randint(1, 8)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return Sent(bytes(body), {})


def _with_nonsense(dice: random.Random, post: Post) -> Sent:
    return Sent(json.dumps(_exchange(dice, post.next())).encode(), {})


def _exchange(dice: random.Random, value: Any) -> Any:
    """The value with one thing somewhere in it exchanged."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(list(value))
        return {**value, key: _exchange(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], _exchange(dice, value[at]), *value[at + 1 :]]
    return dice.choice(NONSENSE)


NONSENSE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 10**400, "", " ", "\x00", "\ud800", [], {}, [[]], {"": {}}, "null", "[]", "{", "NaN"),
    *("9999-12-31T23:59:59.9999999Z", "0000-00-00T00:00:00Z", "2026-02-30T25:61:61+99:99", "x" * 100_000, "é" * 5_000),
    *("/subscriptions/" * 500, "/subscriptions//resourceGroups//providers//", "../../..", "https://[::1", "%" * 999),
)


def _nested(dice: random.Random, post: Post) -> Sent:
    del post
    deep = dice.choice((100, 1_000, 10_000, 100_000))
    mark, end = dice.choice(((b"[", b"]"), (b'{"data":', b"}")))
    return Sent(mark * deep + b"1" + end * (deep if dice.random() < 0.7 else 0), {})


def _text_of_text(dice: random.Random, post: Post) -> Sent:
    value: Any = post.next()
    for _ in range(dice.randint(1, 9)):
        value = json.dumps(value)
    return Sent(json.dumps(dice.choice((value, {"data": value}, [value, value]))).encode(), {})


def _with_keys_doubled(dice: random.Random, post: Post) -> Sent:
    body = _real(post)
    return Sent(b"{" + body[1:-1] + b"," + dice.choice((b'"data":[]', b'"type":{}', b'"id":0,"id":1')) + b"}", {})


def _in_another_encoding(dice: random.Random, post: Post) -> Sent:
    text = _real(post).decode()
    name = dice.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-le", "cp037"))
    return Sent(text.encode(name), {"Content-Type": f"application/json; charset={dice.choice((name, 'x', 'utf-8'))}"})


def _compressed(dice: random.Random, post: Post) -> Sent:
    plain = dice.choice((_real(post), b"[" + b"{}," * 500_000 + b"{}]", b" " * 9_000_000))
    packed = dice.choice((gzip.compress(plain, 1), zlib.compress(plain, 1)))
    cut = packed if dice.random() < 0.5 else packed[: dice.randrange(len(packed))]
    return Sent(cut, {"Content-Encoding": dice.choice(("gzip", "deflate", "br", "identity", "gzip, gzip", "nonsense"))})


def _in_binary_mode(dice: random.Random, post: Post) -> Sent:
    told = {"ce-specversion": "1.0", "ce-id": "%00", "ce-source": "%", "ce-time": "never", "ce-type": "Some.Type"}
    chosen = {name: said for name, said in told.items() if dice.random() < 0.7}
    return Sent(dice.choice((_real(post), b"", b"\xff", b"17")), {**chosen, "Content-Type": "application/json"})


def _an_array_of_nothings(dice: random.Random, post: Post) -> Sent:
    del post
    thing = dice.choice((b"0", b"null", b"{}", b"[]", b'""', b'{"a":{"b":[0]}}'))
    return Sent(b"[" + b",".join([thing] * dice.choice((10, 1_000, 5_000, 5_001, 50_000))) + b"]", {})


def _large(dice: random.Random, post: Post) -> Sent:
    filling = dice.choice((b" ", b"0", b"x", b"\x00", b"\xf0\x9f\x94\xa5"))
    return Sent(_real(post) + filling * (dice.choice((50_000, 1_000_000, 3_000_000)) // len(filling)), {})


def _noise(dice: random.Random, post: Post) -> Sent:
    del post
    return Sent(dice.randbytes(dice.choice((0, 1, 10, 1_000, 100_000))), {})


COMMON: tuple[Callable[[random.Random, Post], Sent], ...] = (
    _cut_off,
    _with_bytes_changed,
    _with_nonsense,
    _text_of_text,
    _with_keys_doubled,
    _in_another_encoding,
    _in_binary_mode,
    _noise,
)
RARE = (_nested, _compressed, _an_array_of_nothings, _large)
MAKERS = COMMON * 4 + RARE
"""The large ones come less often, for they take the time of many."""
