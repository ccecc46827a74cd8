"""What tests of upgrades share."""

from bench_fixture import bench  # noqa: F401
