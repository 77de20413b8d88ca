"""Where listens, tracks and users are kept: one protocol, adapters named by technology."""

from service.store.protocol import Appended, Store

__all__ = ["Appended", "Store"]
