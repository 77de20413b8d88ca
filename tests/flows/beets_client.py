"""beets and its ListenBrainz plugin as its users run them: `beet lbimport …`.

Arguments: where the API is, or "-" for what beets has built in, then those of `lbimport`. beets has
no option for the address. Reads the library as JSON from stdin, writes what beets knows afterwards.
"""

import json
import sys

from beets import config, ui
from beets.library import Item, Library
from beetsplug.listenbrainz import ListenBrainzPlugin


def main() -> None:
    root, *words = sys.argv[1:]
    if root != "-":
        ListenBrainzPlugin.ROOT = root
    library = Library(config["library"].as_filename())
    for number, item in enumerate(json.load(sys.stdin)):
        library.add(Item(path=f"/music/{number}.ogg".encode(), **item))
    ui.main(["lbimport", *words])
    known = {item.title: item.get("listenbrainz_play_count") for item in library.items()}
    playlists = ListenBrainzPlugin().get_listenbrainz_playlists() if root != "-" else []
    sys.stdout.write(json.dumps({"plays": known, "playlists": playlists}, default=str))


if __name__ == "__main__":
    main()
