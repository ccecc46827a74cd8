"""Reports against the simulated Azure: real adapters, no engine."""

from bench_fixture import bench  # noqa: F401
from standby_stage import stage  # noqa: F401
