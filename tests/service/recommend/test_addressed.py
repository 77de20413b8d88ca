"""A list made once carries the name of whoever it is sent to."""

import json

from service.cache.answer import Answer
from service.recommend.addressed import NOBODY, address, blank

PAGE = {"user_id": NOBODY, "list_id": "L1", "tier": "popular", "recommendations": []}


def made() -> Answer:
    body = json.dumps(PAGE, separators=(",", ":")).encode()
    return Answer(body=body, tag="L1", rev=1, made=0.0, cost_s=0.0, fresh_s=1.0, stale_s=1.0)


def test_everybody_gets_the_same_list_with_a_name_and_an_id_of_their_own() -> None:
    page = blank(made())

    one, other = address(page, 'a"b'), address(page, "c")

    first, second = json.loads(one.body), json.loads(other.body)
    assert ('a"b', "c") == (first["user_id"], second["user_id"])
    assert (one.tag, other.tag) == (first["list_id"], second["list_id"])
    assert one.tag != other.tag
    assert first["tier"] == second["tier"] == "popular"


def test_a_name_gets_the_same_id_for_the_same_list() -> None:
    assert address(blank(made()), "c") == address(blank(made()), "c")
