"""Numbers in what others send."""

from __future__ import annotations

import math
from typing import Any


def number_in(value: Any) -> float | None:
    """A number that can be reckoned with; None for all else.

    JSON as Python reads it has infinities and NaN, too, and whole numbers that no float can hold.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None
