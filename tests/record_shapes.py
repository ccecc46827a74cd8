"""Write down the fields of shapes that two versions read at once, at a release: ``python tests/record_shapes.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "support"), str(Path(__file__).parents[1])]

from stored_shapes import FILE, all_fields  # noqa: E402 - the path comes first

if __name__ == "__main__":
    FILE.write_text(json.dumps(all_fields(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
