"""Blobs and App Configuration: ledger, epoch records, stamps, pointer."""
