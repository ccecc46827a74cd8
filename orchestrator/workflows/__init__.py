"""Durable code in the durabletask style, and the bodies of its activities. Knows core and ports; imports no Azure."""
