"""Submission of jobs by people and programs, with a record in the ledger ahead of it."""
