"""Logs: one line of JSON per thing worth knowing, the same fields everywhere, nothing secret in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

ROOT = "hubswitch"
"""Parent of every logger of this product."""


_BOUND: ContextVar[dict[str, Any]] = ContextVar("hubswitch_log_fields", default={})  # noqa: B039 - never changed


def logger(part: str) -> logging.Logger:
    """The logger of a part. Its lines have the fields that ``bind`` was given around them."""
    log = logging.getLogger(f"{ROOT}.{part}")
    log.addFilter(_add_bound)
    return log


@contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Every line that the block logs has these fields, those of blocks around it, and its own."""
    token = _BOUND.set({**_BOUND.get(), **fields})
    try:
        yield
    finally:
        _BOUND.reset(token)


def _add_bound(line: logging.LogRecord) -> bool:
    if bound := _BOUND.get():
        line.hubswitch = {**bound, **getattr(line, "hubswitch", {})}
    return True


def event(log: logging.Logger, level: int, what: str, **fields: Any) -> None:
    """Log one event. ``fields`` become columns of a structured log; ``what`` is the sentence for people."""
    log.log(level, what, extra={"hubswitch": fields})


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, sentence, fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "log": record.name,
            "what": record.getMessage(),
            **getattr(record, "hubswitch", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info).splitlines()[-1]
        return json.dumps(line, default=str)
