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
    """0, whatever the bodies hold; 2 and one line on ``err`` for each file that cannot be read, after all others."""
    faults = []
    for name in files:
        try:
            body = _bytes_of(name, stdin)
        except InvalidInput as fault:
            faults.append(fault)
            continue
        lines = (encode(parsed) + b"\n" for parsed in parse_text(body))
        if isinstance(out, TextIOWrapper):  # JSON is UTF-8, whatever the terminal speaks
            out.flush()
            out.buffer.writelines(lines)
            out.buffer.flush()
        else:
            out.writelines(line.decode() for line in lines)
    for each in faults:
        print(each, file=err)
    return 2 if faults else 0


def _bytes_of(name: str, stdin: TextIO) -> str | bytes:
    if name == "-":
        given: str | bytes = getattr(stdin, "buffer", stdin).read()
        return given
    try:
        return Path(name).read_bytes()
    except OSError as fault:
        raise InvalidInput(name, "", "a file that can be read", fault.strerror or str(fault)) from fault
