"""A worker in a process of its own: ``python -m bench.worker <engine's address> [module]``. Ends with its input.

It imports what a Function App's worker would and nothing of the simulated Azure, so that its memory is the product's.
"""

from __future__ import annotations

import importlib
import sys

from orchestrator.local.functions import durable_worker, index_app

READY = "ready"


def main() -> None:
    # Not before: the module is loaded from where the process was started, with the environment as it is now.
    module = importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "function_app")
    worker = durable_worker(index_app(module.app), sys.argv[1])
    worker.start()  # type: ignore[no-untyped-call]
    print(READY, flush=True)
    sys.stdin.read()
    worker.stop()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
