"""From bodies as Azure delivers them to facts: what happened, to what, when, by whose doing, and whether it counts.

Nothing in here raises for what a body holds. Envelopes are told apart by their keys, words by tables.
"""
