"""Replayed code and nothing else: no clock, no randomness, no I/O, no logging."""
