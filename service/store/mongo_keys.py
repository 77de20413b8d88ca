"""API keys in MongoDB: each one document, replaced as a whole, and no commit others hear of."""

from collections.abc import Mapping
from typing import Any

import msgspec

from service.api_key import ApiKey
from service.store.mongo_documents import Document
from service.store.mongo_driver import refusing
from service.store.mongo_queries import Query, named

COLLECTION = "api_keys"


def keys_of(user_id: str) -> Query:
    """Those that are of this user alone, to erase."""
    return Query(collection=COLLECTION, index="keys_of_user", filter={"user_id": user_id})


async def put(database: Any, key: ApiKey) -> None:  # noqa: ANN401 - of either driver
    """Keep it, in place of the one with its id."""
    fields = msgspec.to_builtins(key)
    document = {"_id": fields.pop("id"), **fields}
    with refusing("keep an API key"):
        await database[COLLECTION].replace_one(named(key.id), document, upsert=True)


def document_to_key(document: Mapping[str, Any]) -> ApiKey:
    """The key as it was put; times are text, since a date would drop the microseconds."""
    fields: Document = {name: value for name, value in document.items() if name != "_id"}
    return msgspec.convert({"id": document["_id"], **fields}, ApiKey)
