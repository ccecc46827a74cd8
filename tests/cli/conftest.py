"""One session per file: the function app on the local host; and servers on loopback that answer what they are told."""

from app_fixtures import caller, local  # noqa: F401
from azure_fixtures import answers, serve_plain  # noqa: F401
from bench_fixture import bench  # noqa: F401
