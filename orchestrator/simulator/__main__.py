"""``python -m orchestrator.local.azure``: the simulated Azure as a process of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from orchestrator.simulator.serve import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m orchestrator.local.azure", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")
    parser.add_argument("--speed", type=float, default=1.0, help="divides the durations of simulated work")
    parser.add_argument("--folder", type=Path, help="where plans, environment and CA certificate go")
    parser.add_argument("--json", action="store_true", help="tell the endpoints as one JSON object")
    given = parser.parse_args()
    serve(seed=given.seed, speed=given.speed, folder=given.folder, as_json=given.json)


if __name__ == "__main__":
    main()
