"""``python -m bench [NAME ...] [options]``: one JSON object on standard output, progress on the other.

Without names all are run. ``--quick`` takes few samples: enough to see that everything works, too few to judge.
Exit status 0 if everything was measured, whether or not goals were met; 1 if something could not be measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import (
    audit_verify,
    capture,
    deliver,
    detect,
    drill_partial,
    failback,
    history,
    hostile,
    ingest,
    mixed,
    mlclient,
    readiness,
    ready,
    replay,
    resubmit,
    rewrite,
    start,
    state,
    storm,
    surface,
    switch,
    warm_up,
)
from bench.measure import Measured, Neighbours, machine, say
from orchestrator.core.base.codec import to_builtins

BENCHMARKS: dict[str, Callable[..., Measured]] = {
    "start": start.measured,
    "surface": surface.measured,
    "switch": switch.measured,
    "detect": detect.measured,
    "rewrite": rewrite.measured,
    "resubmit": resubmit.measured,
    "failback": failback.measured,
    "drill-partial": drill_partial.measured,
    "mlclient": mlclient.measured,
    "capture": capture.measured,
    "ingest": ingest.measured,
    "deliver": deliver.measured,
    "ready": ready.measured,
    "hostile": hostile.measured,
    "state": state.measured,
    "mixed": mixed.measured,
    "storm": storm.measured,
    "replay": replay.measured,
    "audit-verify": audit_verify.measured,
    "readiness": readiness.measured,
    "warm-up": warm_up.measured,
    "history": history.measured,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"any of {', '.join(BENCHMARKS)}; all if none is given"
    )
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--bodies", type=int, metavar="N", help="deliveries that ingest reads")
    parser.add_argument("--pairs", type=int, metavar="N", help="pairs of the storm; 1,000, and 40 with --quick")
    given = parser.parse_args()
    if given.pairs is not None and given.pairs < 1:
        parser.error(f"--pairs: at least 1 was expected, got {given.pairs}")
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"name: any of {', '.join(BENCHMARKS)} was expected, got {', '.join(sorted(unknown))}")
    logging.getLogger().setLevel(logging.ERROR)
    wanted = given.names or list(BENCHMARKS)
    begun = datetime.now(UTC)
    more: dict[str, dict[str, int]] = {"ingest": {"bodies": given.bodies}} if given.bodies else {}
    more |= {"storm": {"pairs": given.pairs}} if given.pairs else {}
    found = {name: _one(name, quick=given.quick, **more.get(name, {})) for name in wanted}
    failed = any("error" in one for one in found.values())
    result = {
        "quick": given.quick,
        "begun": begun.isoformat(timespec="seconds"),
        "machine": machine(),
        "met": not failed and all(goal["met"] for one in found.values() for goal in one["goals"]),
        "benchmarks": found,
    }
    print(json.dumps(result, indent=2))
    return 1 if failed else 0


def _one(name: str, *, quick: bool, **more: int) -> dict[str, Any]:
    """One benchmark's result; what went wrong, if it could not be run to its end."""
    gc.collect()
    gc.freeze()  # what others have left behind is not to be searched again and again on this one's account
    neighbours, began, load = Neighbours(), time.monotonic(), os.getloadavg()[0]
    say(f"{name}: begins")
    try:
        result: dict[str, Any] = to_builtins(BENCHMARKS[name](quick=quick, **more))
    except Exception as fault:  # noqa: BLE001 - the other benchmarks are still worth having
        result = {"goals": [], "error": f"{type(fault).__name__}: {fault}"}
    noise = {
        "others_share_of_processors": neighbours.share,
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }
    took = round(time.monotonic() - began, 1)
    told = [f"{goal['goal']}: {goal['value']} {'met' if goal['met'] else 'MISSED'}" for goal in result["goals"]]
    say(f"{name}: {took} s; {'; '.join(told or [result['error']])}")
    return {**result, "noise": noise, "took_s": took}


if __name__ == "__main__":
    raise SystemExit(main())
