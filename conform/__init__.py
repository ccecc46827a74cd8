"""Holds the simulated Azure, and what the product sends to it, against Microsoft's types and recorded traffic.

``python -m conform`` has the whole check. Types and recordings are other people's and no part of this repository: they
are looked for in ``../shared/corpus/wire``.
"""
