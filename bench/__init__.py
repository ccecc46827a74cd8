"""Figures about speed and memory, each beside a baseline or a computed limit from the same run."""
