"""``hubswitch events parse``: one JSON object per line for each element of the bodies that are given."""

from __future__ import annotations

from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from orchestrator.core.base.codec import encode
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.signals.parse import parse_text


def events_parse_command(files: Iterable[str], *, stdin: TextIO, out: TextIO, err: TextIO) -> int:
    """0, whatever the bodies hold; 2 and one line on ``err`` if a file cannot be read."""
    try:
        bodies = [_bytes_of(name, stdin) for name in files]
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    for body in bodies:
        lines = (encode(parsed) + b"\n" for parsed in parse_text(body))
        if isinstance(out, TextIOWrapper):  # JSON is UTF-8, whatever the terminal speaks
            out.flush()
            out.buffer.writelines(lines)
            out.buffer.flush()
        else:
            out.writelines(line.decode() for line in lines)
    return 0


def _bytes_of(name: str, stdin: TextIO) -> str | bytes:
    if name == "-":
        given: str | bytes = getattr(stdin, "buffer", stdin).read()
        return given
    try:
        return Path(name).read_bytes()
    except OSError as fault:
        raise InvalidInput(name, "", "a file that can be read", fault.strerror or str(fault)) from fault
