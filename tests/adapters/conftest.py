"""Fixtures of ``tests/support/azure_fixtures.py``."""

from azure_fixtures import *  # noqa: F403
