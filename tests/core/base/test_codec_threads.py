"""Two threads that need a type for the first time at once both get their value."""

from __future__ import annotations

import subprocess
import sys

FIRST_USE_AT_ONCE = """
from __future__ import annotations

import threading

from orchestrator.core.base.codec import Value, decode, from_builtins

building, second_is_done = threading.Event(), threading.Event()


def slow_type():
    building.set()
    second_is_done.wait(0.5)
    return int


class Inner(Value):
    number: slow_type()


class Outer(Value):
    inner: Inner
    name: str


def use_first():
    seen.append(decode(b'{"name": "a", "inner": {"number": 1}}', Outer, "first").inner.number)


def use_second():
    building.wait()
    seen.append(from_builtins({"name": "b", "inner": {"number": 2}}, Outer, "second").inner.number)
    second_is_done.set()


seen = []
threads = [threading.Thread(target=use_first), threading.Thread(target=use_second)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(seen))
"""


def test_two_threads_use_a_type_for_the_first_time_at_once() -> None:
    """In a process of its own, because the fault that this is about ends the process."""
    ended = subprocess.run([sys.executable, "-c", FIRST_USE_AT_ONCE], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout.strip()) == (0, "[1, 2]"), ended.stderr
