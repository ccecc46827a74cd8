"""A worker in a process of its own: ``python -m bench.worker <engine's address>``. Ends with its standard input.

It imports what a Function App's worker would and nothing of the simulated Azure, so that its memory is the product's.
"""

from __future__ import annotations

import sys

from orchestrator.local.functions import durable_worker, indexed

READY = "ready"


def main() -> None:
    import function_app  # at this point: the module is loaded from where the process was started

    worker = durable_worker(indexed(function_app.app), sys.argv[1])
    worker.start()  # type: ignore[no-untyped-call]
    print(READY, flush=True)
    sys.stdin.read()
    worker.stop()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
