"""liblistenbrainz as its users run it, in a process of its own: it is GPL.

Reads calls as JSON from stdin, `[[method, *arguments], …]`, and writes what each answered.
A listen is a dict of what `liblistenbrainz.Listen` takes.
"""

import json
import sys

import liblistenbrainz
from liblistenbrainz.errors import ListenBrainzException


def main() -> None:
    url, token = sys.argv[1:]
    client = liblistenbrainz.ListenBrainz(api_base_url=url)
    client.set_auth_token(token)
    answers = [answer(client, *call) for call in json.load(sys.stdin)]
    json.dump(answers, sys.stdout, default=vars)


def answer(client, method: str, *arguments):
    try:
        return getattr(client, method)(*(argument(one) for one in arguments))
    except ListenBrainzException as error:
        return {"raised": type(error).__name__, **vars(error)}


def argument(one):
    if isinstance(one, dict):
        return liblistenbrainz.Listen(**one)
    if isinstance(one, list):
        return [liblistenbrainz.Listen(**each) for each in one]
    return one


if __name__ == "__main__":
    main()
