"""Logs: one line of JSON per thing worth knowing, the same fields everywhere, nothing secret in them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

ROOT = "hubswitch"
"""Parent of every logger of this product."""


def logger(part: str) -> logging.Logger:
    return logging.getLogger(f"{ROOT}.{part}")


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
