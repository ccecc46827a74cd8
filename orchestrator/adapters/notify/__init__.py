"""Channels that notices are sent through."""
