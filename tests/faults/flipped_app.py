"""The server's application with a protection against mixed models off.

FAULTS_WITHOUT: "version" leaves the model out of the cache keys; "view" keeps a part of the first
model it meets, as code would that does not take all of a request's state from one View.
"""

import os
from typing import Any

from service import app
from service.api.door import Door
from service.api.traced import Traced
from service.model.current import View
from service.model.latent import Latent
from service.recommend import retrieval
from service.recommend.latent import latent_scores


def served() -> Door | Traced:
    """As `service.app.served`."""
    match os.environ.get("FAULTS_WITHOUT", ""):
        case "version":
            View.stamp = property(lambda view: f"any.{view.catalogue.edition:x}")  # type: ignore[assignment,method-assign]
        case "view":
            retrieval.latent_scores = of_the_first  # type: ignore[attr-defined,assignment]
    return app.served()


FIRST: list[Latent] = []


def of_the_first(latent: Latent, *query: Any) -> Any:
    """What the first model says, whichever serves."""
    FIRST.append(latent)
    return latent_scores(FIRST[0], *query)
