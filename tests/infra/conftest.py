"""What tests of templates share."""

from bench_fixture import bench  # noqa: F401
