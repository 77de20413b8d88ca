from service.doors.identity import Claim
from service.doors.listenbrainz.playing import UNKNOWN_S, NowPlaying
from service.doors.listenbrainz.submission import Played


def played(title: str, duration_ms: int | None = None) -> Played:
    return Played(Claim(artist="a", title=title, duration_ms=duration_ms), None, None, {})


def test_what_is_playing_ends_with_the_track() -> None:
    now = [0.0]
    playing = NowPlaying(lambda: now[0])
    playing.put("alice", played("known", 200_000))
    playing.put("bob", played("unknown"))
    now[0] = 100.0
    playing.put("alice", played("known", 200_000))  # said again: it does not begin again

    now[0] = 199.0
    assert "known" == playing.of("alice").claim.title  # type: ignore[union-attr]
    now[0] = 200.0
    assert playing.of("alice") is None
    assert playing.of("bob") is not None
    now[0] = UNKNOWN_S
    assert playing.of("bob") is None
    playing.put("bob", played("another"))
    playing.forget("bob")
    assert playing.of("bob") is None
