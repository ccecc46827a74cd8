"""Probes, polls and log queries: what tells of a hub's health."""
