"""The pure part: no clock, no environment, no log, no network, no Azure.

Everything here is a function of its arguments; time is an aware UTC ``datetime``.
"""
