"""How long what was seen is kept."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.base.codec import Value


class Recording(Value, kw_only=True):
    """What is kept of what was seen, to be played again under another policy."""

    retain: timedelta = timedelta(days=14)
    """Age at which a day's recording is removed; ``0s`` records nothing. Two weeks show two weekends."""
