"""JSON that people hand to a command: read strictly, with the fault in their words."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.core.base.errors import InvalidInput

STANDARD_INPUT = "-"


def json_in(path: Path | str) -> Any:
    """The JSON value in a file; ``-`` is standard input.

    Raises:
        InvalidInput: it cannot be read, is not UTF-8, not JSON, or holds numbers that JSON has no spelling for.
        RecursionError: it is nested too deeply.
    """
    where = str(path)
    try:
        data = sys.stdin.buffer.read() if where == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as fault:
        raise InvalidInput(where, "", "a file that can be read", fault.strerror or str(fault)) from fault
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant, parse_float=_finite)
    except ValueError as fault:
        raise InvalidInput(where, "", "a JSON document", str(fault)) from fault


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word}, which JSON does not know")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text}, which is too big")
    return number
