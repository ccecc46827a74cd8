"""Makes the story builders importable, and fixes what property tests draw: the same on every run.

``HUBSWITCH_DEEP=20`` tries twenty times as many examples, drawn anew each time. ``HUBSWITCH_SHRINK=0`` fails with the
first example that is found, without looking for a smaller one: for those who only ask whether there is one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from stories import DEEP

SHRINK = os.environ.get("HUBSWITCH_SHRINK") != "0"

settings.register_profile(
    "hubswitch",
    derandomize=DEEP == 1,
    database=None,
    deadline=None,
    phases=[phase for phase in Phase if SHRINK or phase in {Phase.explicit, Phase.generate}],
    max_examples=60 * DEEP,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("hubswitch")
