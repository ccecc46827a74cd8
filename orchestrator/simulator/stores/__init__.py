"""The data services of the local Azure: blobs, App Configuration, Event Grid, Key Vault, container registry.

Each speaks the real service's REST API over aiohttp and refuses what the real service refuses, in its own format.
What the real service does where its documentation is silent is said beside the rule.
"""
