"""Job records, how they change, and what the bodies of jobs say. Pure."""
