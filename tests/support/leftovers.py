"""Clients that azure-ai-ml makes for itself and gives nobody a way to close."""

from __future__ import annotations

import gc
import warnings


def collected() -> None:
    """Let go of them here, lest their sockets are complained of in the midst of somebody else's test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
