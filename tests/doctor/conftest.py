"""One session per file: the function app on the local host, with a simulated Azure and an engine."""

from app_fixtures import caller, local  # noqa: F401
