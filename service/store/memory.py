"""A store that forgets at exit. For tests; not for production."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime

from msgspec import structs

from service.api_key import ApiKey
from service.domain import (
    EPOCH,
    HEARD_MS,
    MILLISECOND,
    SUPPORT,
    Experiment,
    Listen,
    Neighbour,
    ShownList,
    StoredProfile,
    Track,
    User,
    UserSettings,
    counted,
    is_somebody,
    milliseconds,
)
from service.store.protocol import Appended, HourlyPlays


class MemoryStore:
    """Dicts behind the store protocol."""

    models: None = None  # versions stay in the data folder

    def __init__(self) -> None:
        self._listens: dict[str, dict[str, Listen]] = defaultdict(dict)
        self._tracks: dict[str, Track] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self._users: dict[str, User] = {}
        self._profiles: dict[str, StoredProfile] = {}
        self._neighbours: dict[str, tuple[int, list[Neighbour]]] = {}
        self._experiments: dict[str, Experiment] = {}
        self._keys: dict[str, ApiKey] = {}
        self._shown: dict[str, dict[str, ShownList]] = defaultdict(dict)
        self._rev = 0
        self._log: list[Listen] = []

    async def append(self, listens: Sequence[Listen]) -> Appended:
        stored = []
        for listen in listens:
            mine = self._listens[listen.user_id]
            stored.append(listen.id not in mine)
            if stored[-1]:
                mine[listen.id] = listen
                self._log.append(listen)
        changed = {listen.user_id for listen, new in zip(listens, stored, strict=True) if new}
        return Appended(stored, {user_id: self._touch(user_id).rev for user_id in changed})

    async def recent(
        self, user_id: str, limit: int, *, before: tuple[datetime, str] | None = None
    ) -> list[Listen]:
        mine = self._listens.get(user_id, {}).values()
        older = [listen for listen in mine if before is None or (listen.at, listen.id) < before]
        return sorted(older, key=lambda listen: (listen.at, listen.id), reverse=True)[:limit]

    async def listens(self, *, batch: int = 10_000) -> AsyncIterator[list[Listen]]:
        everything = [
            listen
            for user_id in sorted(self._listens)
            for listen in sorted(self._listens[user_id].values(), key=lambda one: (one.at, one.id))
        ]
        for start in range(0, len(everything), batch):
            yield everything[start : start + batch]

    async def stored_mark(self) -> str:
        return str(len(self._log))

    async def stored_since(
        self, mark: str, *, until: str | None = None, batch: int = 10_000
    ) -> AsyncIterator[tuple[list[Listen], str]]:
        for start in range(int(mark or 0), len(self._log) if until is None else int(until), batch):
            stop = min(start + batch, len(self._log) if until is None else int(until))
            there = [x for x in self._log[start:stop] if self._listens.get(x.user_id, {}).get(x.id)]
            yield there, str(stop)

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        changed = []
        for track in tracks:
            changed.append(self._tracks.get(track.id) != track)
            self._tracks[track.id] = track
            for kind, value in track.aliases.items():
                self._aliases[kind, value] = track.id
        self._rev += any(changed)
        return changed

    async def track(self, track_id: str) -> Track | None:
        return self._tracks.get(track_id)

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        return list(self._tracks.values())[offset:]

    async def resolve(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        found = ((value, self._aliases.get((kind, value))) for value in values)
        return {value: track_id for value, track_id in found if track_id is not None}

    async def aliases(self, *, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str, str]]]:
        everything = [(*key, track_id) for key, track_id in sorted(self._aliases.items())]
        for start in range(0, len(everything), batch):
            yield everything[start : start + batch]

    async def put_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        self._aliases |= {(kind, value): track_id for kind, value, track_id in aliases}

    async def user(self, user_id: str) -> User | None:
        return self._users.get(user_id)

    async def known(self, user_id: str, limit: int) -> tuple[User, list[Listen]] | None:
        user = await self.user(user_id)
        return None if user is None else (user, await self.recent(user_id, limit))

    async def users(self, *, batch: int = 10_000) -> AsyncIterator[list[User]]:
        everything = [self._users[user_id] for user_id in sorted(self._users)]
        for start in range(0, len(everything), batch):
            yield everything[start : start + batch]

    async def put_user(self, user_id: str, settings: UserSettings) -> User:
        user = structs.replace(self._touch(user_id), **settings.given)
        self._users[user_id] = user
        return user

    async def delete_user(self, user_id: str) -> int:
        self._rev += 1
        self._users.pop(user_id, None)
        self._profiles.pop(user_id, None)
        self._neighbours.pop(user_id, None)
        self._shown.pop(user_id, None)
        self._keys = {name: key for name, key in self._keys.items() if key.user_id != user_id}
        for _, others in self._neighbours.values():
            others[:] = [one for one in others if one.user_id != user_id]
        return len(self._listens.pop(user_id, {}))

    async def forget_listens(self, before: datetime) -> AsyncIterator[dict[str, int]]:
        for user_id, mine in list(self._listens.items()):
            old = [one.id for one in mine.values() if one.timed and one.at < before]
            for listen_id in old:
                del mine[listen_id]
            if old:
                yield {user_id: self._touch(user_id).rev}

    async def delete_listen(self, user_id: str, listen_id: str) -> int | None:
        there = self._listens.get(user_id, {}).pop(listen_id, None)
        return None if there is None else self._touch(user_id).rev

    async def put_profile(self, profile: StoredProfile) -> bool:
        known = self._profiles.get(profile.user_id)
        if profile.user_id not in self._users or (known and known.rev > profile.rev):
            return False
        self._profiles[profile.user_id] = profile
        return True

    async def profile(self, user_id: str) -> StoredProfile | None:
        return self._profiles.get(user_id)

    async def put_neighbours(self, user_id: str, rev: int, neighbours: Sequence[Neighbour]) -> bool:
        known, _ = self._neighbours.get(user_id, (rev, []))
        if user_id not in self._users or known > rev:
            return False
        self._neighbours[user_id] = rev, list(neighbours)
        return True

    async def neighbours(self, user_id: str, limit: int, *, least: float) -> list[Neighbour]:
        _, known = self._neighbours.get(user_id, (0, []))
        near = [one for one in known if one.similarity >= least]
        return sorted(near, key=lambda one: (-one.similarity, one.user_id))[: max(limit, 0)]

    async def put_shown(self, lists: Sequence[ShownList]) -> int:
        kept = 0
        for one in lists:
            mine = self._shown[one.user_id]
            kept += one.list_id not in mine
            mine.setdefault(one.list_id, structs.replace(one, at=_whole(one.at)))
        return kept

    async def shown(
        self,
        since: datetime,
        *,
        until: datetime | None = None,
        user_id: str | None = None,
        batch: int = 1_000,
    ) -> AsyncIterator[list[ShownList]]:
        first, last = _whole(since), None if until is None else _whole(until)
        sent = [
            one
            for who in sorted(self._shown)
            if user_id in (None, who)
            for one in sorted(self._shown[who].values(), key=lambda one: (one.at, one.list_id))
            if first <= one.at and (last is None or one.at < last)
        ]
        for start in range(0, len(sent), batch):
            yield sent[start : start + batch]

    async def forget_shown(self, before: datetime) -> int:
        old = [one for mine in self._shown.values() for one in mine.values()]
        old = [one for one in old if one.at < _whole(before)]
        for one in old:
            del self._shown[one.user_id][one.list_id]
        return len(old)

    async def put_experiment(
        self, experiment: Experiment, *, expected_rev: int
    ) -> Experiment | None:
        known = self._experiments.get(experiment.name)
        if expected_rev != (known.rev if known else 0):
            return None
        stored = structs.replace(experiment, rev=expected_rev + 1)
        self._experiments[experiment.name] = stored
        return stored

    async def experiment(self, name: str) -> Experiment | None:
        return self._experiments.get(name)

    async def experiments(self) -> list[Experiment]:
        return [self._experiments[name] for name in sorted(self._experiments)]

    async def put_key(self, key: ApiKey) -> None:
        self._keys[key.id] = key

    async def keys(self) -> list[ApiKey]:
        return [self._keys[key_id] for key_id in sorted(self._keys)]

    async def hourly_plays(self, since: datetime) -> HourlyPlays:
        days: dict[tuple[str, str, date], list[Listen]] = defaultdict(list)
        users: dict[str, set[str]] = defaultdict(set)
        for listen in self._all():
            heard = listen.action in ("like", "save") or (
                listen.action == "play"
                and (listen.ms_played is None or listen.ms_played >= HEARD_MS)
            )
            known = listen.timed and listen.flag != "late" and listen.at >= since
            if known and heard and is_somebody(listen.user_id):
                days[listen.track_id, listen.user_id, listen.at.date()].append(listen)
                users[listen.track_id].add(listen.user_id)
        plays: dict[tuple[str, datetime], int] = defaultdict(int)
        for (track_id, _, _), listens in days.items():
            if len(users[track_id]) >= SUPPORT:
                last = max(listen.at for listen in listens)
                hour = last.replace(minute=0, second=0, microsecond=0)
                plays[track_id, hour] += counted(sum(listen.plays for listen in listens))
        return sorted((track_id, hour, count) for (track_id, hour), count in plays.items())

    async def plays_at_mark(self, since: datetime) -> tuple[HourlyPlays, str]:
        return await self.hourly_plays(since), str(len(self._log))

    async def mean_rating(self, since: datetime) -> float | None:
        ratings = [one.rating for one in self._all() if one.rating is not None and one.at >= since]
        return sum(ratings) / len(ratings) if ratings else None

    async def last_number(self) -> int | None:
        return self._rev

    async def changed_elsewhere(self) -> bool:
        return False

    async def counts(self) -> dict[str, int]:
        listens = sum(map(len, self._listens.values()))
        return {"listens": listens, "tracks": len(self._tracks), "users": len(self._users)}

    async def unindexed(self) -> list[str]:
        return []

    async def weaknesses(self) -> list[str]:
        return ["it forgets everything at exit"]

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def _all(self) -> Iterator[Listen]:
        return (listen for mine in self._listens.values() for listen in mine.values())

    def _touch(self, user_id: str) -> User:
        self._rev += 1  # one counter for all: an erased user who returns never gets an old rev
        user = self._users.get(user_id, User(id=user_id))
        self._users[user_id] = structs.replace(user, rev=self._rev, updated_at=datetime.now(UTC))
        return self._users[user_id]


def _whole(at: datetime) -> datetime:
    """To the millisecond, as every store keeps it."""
    return EPOCH + milliseconds(at) * MILLISECOND
