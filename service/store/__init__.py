"""Where listens, tracks and users are kept: one protocol, adapters named by technology."""

from service.store.protocol import Appended, Store
from service.store.published import Published

__all__ = ["Appended", "Published", "Store"]
