"""The simulated Azure as a process of its own, until somebody ends it.

Into the folder go ``plans/<pair>.yaml``, ``azure.env`` and ``user.env`` (``NAME=value`` lines for a shell: the app's
environment, and that of a person who submits jobs), ``azure.json`` (endpoints, environment, plans) and ``ca.pem``. All
of it is removed at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.core.base.errors import InvalidInput
from orchestrator.local.simulated_plan import plan_yaml
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import PAIRS, estate_of
from orchestrator.simulator.job_lifecycle import Pace
from orchestrator.simulator.stop_signals import on_ending

_FILES = ("azure.env", "user.env", "azure.json")
_PLANS = "plans"


def serve(  # noqa: PLR0913 - each is an option of the command
    *,
    seed: int = 0,
    speed: float = 1.0,
    folder: Path | None = None,
    as_json: bool = False,
    pairs: Sequence[str] = PAIRS,
    policy: Mapping[str, Any] | None = None,
    pace: Pace | None = None,
    say: Callable[[str], object] = sys.stdout.write,
) -> None:
    """Serve until a signal ends it, then clean up.

    Args:
        seed: of everything that is random.
        speed: divides the durations of simulated work.
        folder: where plans, environment and CA certificate go; a temporary one if not given.
        as_json: say everything as one JSON object on one line.
        pairs: names of the pairs of hubs that exist.
        policy: overrides of the plans' policy, by field.
        pace: how long jobs take and how they end.
        say: takes the text that tells what is served, once everything answers.
    """
    with _folder(folder) as place:
        azure = LocalAzure(seed=seed, speed=speed, estate=estate_of(pairs=pairs), pace=pace, folder=place)
        asyncio.run(_until_ended(azure, place, as_json, dict(policy or {}), say))


async def _until_ended(
    azure: LocalAzure, place: Path, as_json: bool, policy: dict[str, Any], say: Callable[[str], object]
) -> None:
    ended = asyncio.Event()
    on_ending(ended.set)
    try:
        await azure.open()
        described = _write_files(azure, place, policy)
        say(_line(described) if as_json else _table(described))
        sys.stdout.flush()
        await ended.wait()
    finally:
        await azure.close()
        _remove(place, [pair.name for pair in azure.estate.pairs])


def _write_files(azure: LocalAzure, place: Path, policy: dict[str, Any]) -> dict[str, Any]:
    """Write plans and environment; what there is to tell."""
    plans = place / _PLANS
    plans.mkdir(exist_ok=True)
    for pair in azure.estate.pairs:
        (plans / f"{pair.name}.yaml").write_text(plan_yaml(azure, pair.name, **policy), encoding="utf-8")
    environment = azure.environment() | {"HUBSWITCH_PLANS": str(plans)}
    described = {
        "endpoints": dict(azure.urls),
        "environment": environment,
        "plans": {pair.name: str(plans / f"{pair.name}.yaml") for pair in azure.estate.pairs},
        "folder": str(place),
    }
    for name, variables in (("azure.env", environment), ("user.env", azure.user_environment())):
        write_environment(place / name, variables)
    (place / "azure.json").write_text(_line(described), encoding="utf-8")
    return described


def write_environment(file: Path, variables: Mapping[str, str]) -> None:
    """Variables as lines for a shell."""
    lines = "".join(f"{variable}={shlex.quote(value)}\n" for variable, value in variables.items())
    file.write_text(lines, encoding="utf-8")


def _line(described: dict[str, Any]) -> str:
    return msgspec.json.encode(described).decode() + "\n"


def _table(described: dict[str, Any]) -> str:
    width = max(len(name) for name in described["endpoints"])
    rows = [f"{name:<{width}}  {url}" for name, url in described["endpoints"].items()]
    rows += [
        "",
        f"plans and environment: {described['folder']}",
        f"  set -a; . {described['folder']}/azure.env; set +a   # for the app",
        f"  set -a; . {described['folder']}/user.env; set +a    # for somebody who submits jobs",
    ]
    return "\n".join(rows) + "\n"


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder to write into."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="local-azure-") as name:
            yield Path(name)
        return
    existed = given.exists()
    try:
        given.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InvalidInput("--folder", "", "a folder that can be made and written to", str(fault)) from fault
    if (given / _FILES[-1]).exists():
        expected = f"a folder without {_FILES[-1]} (another one is served from there, or was killed; then remove it)"
        raise InvalidInput("--folder", "", expected, str(given))
    yield given.resolve()
    if not existed:
        with contextlib.suppress(OSError):
            given.rmdir()


def _remove(place: Path, pairs: Sequence[str]) -> None:
    """Remove what was written, and nothing that somebody else put beside it."""
    for name in (*_FILES, *(f"{_PLANS}/{pair}.yaml" for pair in pairs)):
        (place / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (place / _PLANS).rmdir()
