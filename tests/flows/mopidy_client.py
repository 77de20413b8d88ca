"""Mopidy's ListenBrainz extension as Mopidy runs it, without the player's audio.

Arguments: host and port, a token. Reads tracks as JSON from stdin, `[{"track", "artist", …}, …]` as
`submit_listen` takes them, submits each as playing and as played, then writes the playlists.
"""

import json
import sys
from dataclasses import asdict

from mopidy_listenbrainz.listenbrainz import Listenbrainz


def main() -> None:
    address, token = sys.argv[1:]
    client = Listenbrainz(token, address, proxy_config={})
    for track in json.load(sys.stdin):
        client.submit_listen(**track, now_playing=True)
        client.submit_listen(**track)
    json.dump([asdict(one) for one in client.list_playlists_created_for_user()], sys.stdout)


if __name__ == "__main__":
    main()
