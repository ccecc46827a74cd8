"""Fixtures of ``tests/support/simulator_fixtures.py``."""

from simulator_fixtures import azure, client, client_of, primary, secondary, user  # noqa: F401
