"""Reads of both sides of a pair, for reports and checks."""
