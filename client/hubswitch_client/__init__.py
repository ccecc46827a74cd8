"""Which hub is active: a client for the pointer that hubswitch keeps in Azure App Configuration.

``ActiveHub`` is for threads, ``hubswitch_client.aio.ActiveHub`` for asyncio. Importing this package imports no SDK.
"""

from hubswitch_client.active import ActiveHub
from hubswitch_client.errors import HubswitchError, MissingPackage, NothingKnown
from hubswitch_client.pointer import Pointer
from hubswitch_client.version import __version__

__all__ = ["ActiveHub", "HubswitchError", "MissingPackage", "NothingKnown", "Pointer", "__version__"]
