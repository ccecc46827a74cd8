"""Canaries and checks of the standby. Pure."""
