"""Where listens, tracks and users are kept: one protocol, adapters named by technology."""

from service.store.protocol import Appended, HourlyPlays, Store
from service.store.published import Published

__all__ = ["Appended", "HourlyPlays", "Published", "Store"]
