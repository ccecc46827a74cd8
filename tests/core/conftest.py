"""Makes the story builders importable, and fixes what property tests draw: the same on every run.

``HUBSWITCH_DEEP=20`` tries twenty times as many examples, drawn anew each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from stories import DEEP

settings.register_profile(
    "hubswitch",
    derandomize=DEEP == 1,
    database=None,
    deadline=None,
    max_examples=60 * DEEP,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("hubswitch")
