"""Fixtures of ``tests/support/asset_fixtures.py``."""

from asset_fixtures import *  # noqa: F403
