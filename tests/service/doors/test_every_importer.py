"""What holds for every format: rejects with their lines, progress, a dry run, and nothing twice."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.adapters import open_scratch, open_store
from service.bus import Bus
from service.domain import Track
from service.doors.identity.standalone import standalone_resolver
from service.doors.importers import FORMATS, Options, Summary, run
from service.doors.importers.rehearsal import furnish
from service.learn.ingest import Ingest
from service.learn.shelf import Shelf
from service.settings import Settings

KNOWN = Track(id="k1", title="Known Song", artist="Known Artist")
LISTEN = {"user_id": "ada", "track_id": "k1", "at": "2024-05-01T10:00:00Z"}
NAMED = {"artist_name": "Known Artist", "track_name": "known song"}
STREAM = {
    "ts": "2024-05-01T10:00:00Z",
    "ms_played": 200_000,
    "master_metadata_track_name": "A Song",
    "master_metadata_album_artist_name": "Somebody",
}
SCROBBLE = {"time": 1_714_550_400, "track": {"title": "Known Song", "artists": ["Known Artist"]}}
FMA = {
    "track_id": {"0": 2, "1": 3},
    "energy": {"0": 0.5, "1": 0.5},
    "tempo": {"0": 120.0, "1": 5_000.0},
}


def lines(*rows: object) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


FILES: dict[str, tuple[str, str]] = {
    "tracks-spotify": ("t.csv", "track_id,track_name,track_artist\na1,T,A\n,T,A\n"),
    "tracks-jsonl": ("t.jsonl", lines({"id": "n1", "title": "T", "artist": "A"}, {"id": "n2"})),
    "listens-jsonl": ("l.jsonl", lines(LISTEN, LISTEN | {"track_id": "nobody-knows"})),
    "interactions": ("i.csv", "u,t\nada,x1\nada\n"),
    "fma": ("echonest-metrics.json", json.dumps(FMA)),
    "hetrec": ("user_artists.dat", "userID\tartistID\tweight\n2\t51\t13\n2\t52\t0\n"),
    "spotify": ("endsong_0.json", json.dumps([STREAM, STREAM | {"ms_played": -1}])),
    "listenbrainz": ("l.jsonl", lines({"listened_at": 1_714_550_400, "track_metadata": NAMED}, {})),
    "lastfm": ("l.csv", 'Somebody,R,A Song,"19 Aug 2023 20:48"\nSomebody,R,A Song,\n'),
    "scrobbler-log": (".scrobbler.log", "A\tR\tT\t1\t200\tL\t1700000000\nA\tR\n"),
    "maloja": ("m.json", json.dumps({"scrobbles": [SCROBBLE, {"time": 1}]})),
}
"""One row that is good and one that is not, of each."""
OPTIONS: dict[str, Any] = {"interactions": {"user": "u", "track": "t", "create_tracks": True}}


def bring(
    kind: str, file: Path, home: Path, *, dry_run: bool = False
) -> tuple[Summary, list[int], dict[str, int]]:
    """Import a file as the command does: the sums, what progress was told, what the store has."""
    settings = Settings(data_dir=str(home))
    reading = FORMATS[kind]([file], Options(**{"user": "ada", **OPTIONS.get(kind, {})}))

    async def importing() -> tuple[Summary, list[int], dict[str, int]]:
        store = await open_store(settings)
        try:
            await store.put_tracks([KNOWN])
            target, bus, said = open_scratch() if dry_run else store, Bus(), list[int]()
            shelf = Shelf(target, bus)
            prepare = await furnish(target, store) if dry_run else None
            known = {track.id for track in await target.tracks()}
            summary = await run(
                reading.rows,
                target,
                shelf,
                Ingest(target, bus, known.__contains__),
                known=known,
                resolver=lambda: standalone_resolver(target, shelf, bus),
                rejects=home / "rejects.jsonl",
                prepare=prepare,
                on_progress=lambda summary: said.append(summary.read),
            )
            return summary, said, await store.counts()
        finally:
            await store.close()

    return asyncio.run(importing())


def outcome(summary: Summary) -> tuple[int, int, int, int, int, int]:
    return (
        summary.read, summary.stored, summary.duplicate, summary.rejected, summary.tracks,
        summary.created,
    )  # fmt: skip


def test_every_format_is_here() -> None:
    assert FORMATS.keys() == FILES.keys()


@pytest.mark.parametrize("kind", FILES)
def test_a_dry_run_says_what_an_import_does_and_a_second_one_does_nothing(
    kind: str, tmp_path: Path
) -> None:
    name, content = FILES[kind]
    file, home = tmp_path / name, tmp_path / "data"
    file.write_text(content)
    home.mkdir()
    dry, dry_progress, untouched = bring(kind, file, home, dry_run=True)
    dry_rejects = (home / "rejects.jsonl").read_bytes()
    real, progress, filled = bring(kind, file, home)
    rejects = (home / "rejects.jsonl").read_bytes()
    again, _, same = bring(kind, file, home)

    assert {"listens": 0, "tracks": 1, "users": 0} == untouched
    assert (outcome(dry), dry_progress, dry_rejects) == (outcome(real), progress, rejects)
    assert real.stored >= 1
    assert real.read == real.stored + real.duplicate + real.rejected == progress[-1]
    (reject,) = map(msgspec.json.decode, rejects.splitlines())
    assert {"source", "line", "reason", "row"} == reject.keys()
    assert reject["reason"]
    assert (0, 0, 0) == (again.stored, again.created, again.listens)
    assert filled == same
    assert filled["listens"] == real.listens


FOREIGN: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "spotify": lambda artist, title: (
        "endsong_0.json",
        json.dumps(
            [
                STREAM
                | {
                    "master_metadata_track_name": title,
                    "master_metadata_album_artist_name": artist,
                }
            ]
        ),
    ),
    "listenbrainz": lambda artist, title: (
        "l.jsonl",
        lines(
            {
                "listened_at": 1_714_550_400,
                "track_metadata": {"artist_name": artist, "track_name": title},
            }
        ),
    ),
    "lastfm": lambda artist, title: ("l.csv", f'{artist},R,{title},"19 Aug 2023 20:48"\n'),
    "scrobbler-log": lambda artist, title: (
        ".scrobbler.log",
        f"{artist}\tR\t{title}\t1\t200\tL\t1700000000\n",
    ),
    "maloja": lambda artist, title: (
        "m.json",
        json.dumps(
            {"scrobbles": [{"time": 1_700_000_000, "track": {"title": title, "artists": [artist]}}]}
        ),
    ),
}
SPELLINGS = [
    ("Known Artist", "Known Song"),
    ("KNOWN ARTIST", "known song - 2011 Remaster"),
    ("The Known Artist", "Known Song (Live at Wembley)"),
    ("Knovn Artist", "Known Song"),
]


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("artist, title", SPELLINGS)
def test_names_mean_the_track_of_the_catalogue_however_they_are_spelled(
    kind: str, artist: str, title: str, house
) -> None:
    asyncio.run(house.store.put_tracks([KNOWN]))
    house.known.add(KNOWN.id)
    house.bring(kind, house.file(*FOREIGN[kind](artist, title)), user="ada")

    assert [KNOWN.id] == [listen.track_id for listen in house.listens()]


@pytest.mark.parametrize("kind", FOREIGN)
def test_names_that_nobody_knows_are_kept_for_the_operator(kind: str, house) -> None:
    house.bring(kind, house.file(*FOREIGN[kind]("Somebody Else", "Another Song")), user="ada")
    (listen,) = house.listens()

    assert [("Somebody Else", "Another Song", listen.track_id, None)] == [
        (one.artist, one.title, one.track_id, one.score) for one in house.unresolved()
    ]
