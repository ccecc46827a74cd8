"""Timers on the local host, and their parts against the simulated Azure without an engine."""

from app_fixtures import caller, local  # noqa: F401
from bench_fixture import bench  # noqa: F401
