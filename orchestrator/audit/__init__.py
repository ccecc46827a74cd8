"""Recordings of what was seen and decided, and their export."""
