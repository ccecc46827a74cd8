"""A strict local Azure: real SDK clients talk to it over HTTPS on loopback.

Strict means that it refuses what Azure refuses. Where the real service's behaviour is not known, the rule
that was chosen says so beside it.
"""
