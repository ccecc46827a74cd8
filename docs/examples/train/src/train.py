"""Trains nothing, slowly enough to be watched."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--model", type=Path, required=True)
given = parser.parse_args()

for epoch in range(given.epochs):
    time.sleep(1)
    print(f"epoch {epoch + 1} of {given.epochs}")
(given.model / "model.txt").write_text(f"{given.epochs} epochs\n", encoding="utf-8")
