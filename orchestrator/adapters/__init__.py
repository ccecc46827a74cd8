"""The only code that imports Azure's SDK clients. Implements ``orchestrator.ports`` against the real services.

Importing these modules costs tenths of a second each, so ``bootstrap`` imports them when they are first needed.
"""
