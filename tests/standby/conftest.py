"""Reports against the simulated Azure: real adapters, no engine."""

from bench_fixture import bench  # noqa: F401
