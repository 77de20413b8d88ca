"""Documents of MongoDB and Structs of the domain, translated here and nowhere else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from service.domain import Experiment, Listen, Neighbour, ShownList, StoredProfile, Track, User

Document = dict[str, Any]


def listen_key(user_id: str, listen_id: str) -> str:
    """`_id` of a listen; neither part can hold a space, so no two pairs meet."""
    return f"{user_id} {listen_id}"


def listen_to_document(listen: Listen, stored_at: datetime) -> Document:
    """Fields that are None are left out: the partial index of ratings counts on it.

    A flag stands where `timed` is true otherwise: the index of plays knows that field.
    """
    fields = {
        name: value for name, value in msgspec.structs.asdict(listen).items() if value is not None
    }
    if (flag := fields.pop("flag")) is not msgspec.UNSET:
        fields["timed"] = flag
    return {"_id": listen_key(listen.user_id, listen.id), **fields, "stored_at": stored_at}


def document_to_listen(document: Mapping[str, Any]) -> Listen:
    """The listen as it was appended."""
    fields = {name: value for name, value in document.items() if name != "_id"}
    if isinstance(flag := fields.get("timed"), str):
        fields |= {"timed": True, "flag": flag}
    return Listen(**fields)


def track_to_document(row: int, track: Track) -> Document:
    """`_id` is the row. Aliases are a list: their kinds are free text, and a key must not be."""
    fields = msgspec.to_builtins(track)
    del fields["id"]
    if aliases := fields.pop("aliases", None):
        fields["aliases"] = [{"kind": kind, "value": value} for kind, value in aliases.items()]
    return {"_id": row, "track_id": track.id, **fields}


def document_to_track(document: Mapping[str, Any]) -> Track:
    """The track as it was put."""
    fields = {name: value for name, value in document.items() if name not in ("_id", "track_id")}
    if aliases := fields.pop("aliases", None):
        fields["aliases"] = {alias["kind"]: alias["value"] for alias in aliases}
    return msgspec.convert({"id": document["track_id"], **fields}, Track)


def user_to_document(user: User) -> Document:
    """`_id` is the user's id."""
    fields = msgspec.to_builtins(user, builtin_types=(datetime,))
    return {"_id": fields.pop("id"), **fields}


def document_to_user(document: Mapping[str, Any]) -> User:
    """The user; fields that are not theirs (revisions of what was derived) are passed over."""
    return msgspec.convert({"id": document["_id"], **document}, User)


def profile_to_document(profile: StoredProfile) -> Document:
    """`_id` is the user's id."""
    return {"_id": profile.user_id, "rev": profile.rev, "body": profile.body}


def document_to_profile(document: Mapping[str, Any]) -> StoredProfile:
    """The profile as it was put."""
    return StoredProfile(document["_id"], document["rev"], document["body"])


def neighbour_to_document(user_id: str, neighbour: Neighbour) -> Document:
    """One direction of one pair."""
    return {
        "_id": listen_key(user_id, neighbour.user_id),
        "user1_id": user_id,
        "user2_id": neighbour.user_id,
        "similarity": neighbour.similarity,
    }


def document_to_neighbour(document: Mapping[str, Any]) -> Neighbour:
    """The other end of the pair."""
    return Neighbour(document["user2_id"], document["similarity"])


def experiment_to_document(experiment: Experiment) -> Document:
    """`_id` is the name. Times are text: a date of MongoDB would drop the microseconds."""
    fields = msgspec.to_builtins(experiment)
    return {"_id": fields.pop("name"), **fields}


def document_to_experiment(document: Mapping[str, Any]) -> Experiment:
    """The experiment as it was put."""
    fields = {name: value for name, value in document.items() if name != "_id"}
    return msgspec.convert({"name": document["_id"], **fields}, Experiment)


def shown_to_document(shown: ShownList) -> Document:
    """Variants are a list: a key must not hold the dots that names of experiments may."""
    fields = msgspec.structs.asdict(shown)
    variants = fields.pop("variants")
    fields["variants"] = [{"experiment": name, "variant": arm} for name, arm in variants.items()]
    return {"_id": listen_key(shown.user_id, shown.list_id), **fields}


def document_to_shown(document: Mapping[str, Any]) -> ShownList:
    """The list as it was put."""
    variants = {one["experiment"]: one["variant"] for one in document["variants"]}
    return msgspec.convert({**document, "variants": variants}, ShownList)
