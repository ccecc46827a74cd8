"""The transport that every client shares: deadlines, breaker, pacing, credentials, errors."""
