"""What has to be there at start: transactions, collections, and indexes, proved to be used."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from pymongo.errors import CollectionInvalid, OperationFailure

from service.domain import Listen
from service.errors import StoreUnavailable
from service.store import mongo_keys as api_keys
from service.store import mongo_log as log
from service.store import mongo_queries as queries
from service.store import mongo_shown as shown_lists
from service.store import mongo_trends as trends
from service.store.mongo_documents import Document
from service.store.mongo_queries import Query

EXISTS = 48
FORGET_PROCESS_S = 7 * 24 * 3600


class Index(Struct, frozen=True, kw_only=True):
    """One index; `only` makes it partial."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    only: Document | None = None
    expire_s: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What `create_index` takes besides the keys."""
        given = {
            "unique": self.unique or None,
            "partialFilterExpression": self.only,
            "expireAfterSeconds": self.expire_s,
        }
        return {name: value for name, value in given.items() if value is not None}


COLLECTIONS = (
    "listens",  # _id: user id and listen id, which makes that pair unique
    "tracks",  # _id: row
    "aliases",
    "users",
    "profiles",
    "user_similarities",
    "experiments",  # _id: name
    api_keys.COLLECTION,  # _id: key id
    "shown",  # _id: user id and list id, which makes that pair unique
    f"{queries.BUCKET}.files",  # GridFS: files of model versions
    f"{queries.BUCKET}.chunks",
    "published",  # _id: model version, once it is whole
    "serving",  # the model that every process serves
    "floors",  # the rev that new users start from
    "processes",  # how often each has committed
)
INDEXES = (
    # Read forwards for one user's newest listens, backwards for everybody's in order.
    Index(collection="listens", name="newest", keys=(("user_id", -1), ("at", -1), ("id", -1))),
    # Answers what trends without a look at any document.
    Index(
        collection="listens",
        name="counted_plays",
        keys=(
            *(("at", 1), ("timed", 1), ("action", 1), ("track_id", 1)),
            *(("user_id", 1), ("plays", 1), ("ms_played", 1)),
        ),
    ),
    Index(
        collection="listens",
        name="ratings",
        keys=(("at", 1), ("rating", 1)),
        only={"rating": {"$gt": 0}},
    ),
    # What online learning catches up from.
    Index(collection="listens", name="stored", keys=(("stored_at", 1), ("_id", 1))),
    Index(collection="tracks", name="track_id", keys=(("track_id", 1),), unique=True),
    Index(collection="tracks", name="features", keys=(("track_id", 1), ("features", 1))),
    Index(collection="aliases", name="alias", keys=(("kind", 1), ("value", 1)), unique=True),
    Index(
        collection="user_similarities",
        name="nearest",
        keys=(("user1_id", 1), ("similarity", -1), ("user2_id", 1)),
    ),
    Index(collection="user_similarities", name="seen_from", keys=(("user2_id", 1),)),
    Index(collection=api_keys.COLLECTION, name="keys_of_user", keys=(("user_id", 1),)),
    Index(collection="shown", name="shown_in_order", keys=shown_lists.ORDER),
    Index(collection="shown", name="shown_by_time", keys=(("at", 1),)),
    # As the driver names them; it makes them at the first upload if they are not there.
    Index(
        collection=f"{queries.BUCKET}.files",
        name="filename_1_uploadDate_1",
        keys=(("filename", 1), ("uploadDate", 1)),
    ),
    Index(
        collection=f"{queries.BUCKET}.chunks",
        name="files_id_1_n_1",
        keys=(("files_id", 1), ("n", 1)),
        unique=True,
    ),
    Index(collection="processes", name="seen", keys=(("at", 1),), expire_s=FORGET_PROCESS_S),
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = Listen.__struct_fields__
ASKED: tuple[tuple[str, Query], ...] = (
    ("newest listens", queries.newest_listens("u", 500, None, FIELDS)),
    ("listens before", queries.newest_listens("u", 500, (AT, "x"), FIELDS)),
    ("every listen", queries.every_listen(FIELDS)),
    ("listens stored", queries.stored_listens([("u", "x"), ("u", "y")])),
    ("listens stored since", log.listens_stored(AT, AT, FIELDS)),
    ("last listen stored", log.last_stored()),
    ("listens to erase", queries.listens_of("u")),
    ("plays", trends.plays(AT)),
    ("ratings", queries.ratings(AT)),
    ("tracks by id", queries.tracks_by_id(["t", "u"])),
    ("tracks by row", queries.tracks_from(10)),
    ("last track", queries.last_track()),
    ("aliases", queries.aliases_of("isrc", ["x", "y"])),
    ("every alias", queries.every_alias()),
    ("user", queries.one_of("users", "u")),
    ("users", queries.some_of("users", ["u", "v"], ("_id", "rev"))),
    ("every user", queries.all_in_order("users")),
    ("profile", queries.one_of("profiles", "u")),
    ("experiment", queries.one_of("experiments", "e")),
    ("every experiment", queries.all_in_order("experiments")),
    ("every API key", queries.all_in_order(api_keys.COLLECTION)),
    ("API keys to erase", api_keys.keys_of("u")),
    ("neighbours", queries.nearest("u", 20, 0.1)),
    ("neighbours to replace", queries.neighbours_of("u")),
    ("neighbours to erase", queries.neighbour_to("u")),
    ("lists shown since", shown_lists.lists_since(AT, None)),
    ("lists shown between", shown_lists.lists_since(AT, AT)),
    ("lists to forget", shown_lists.lists_before(AT)),
    ("lists to erase", shown_lists.lists_of("u")),
    ("published models", queries.all_in_order("published")),
    ("published model", queries.one_of("published", "v")),
    ("serving model", queries.one_of("serving", "model")),
    ("chunks of old models", queries.chunks_before("v")),
    ("floor", queries.one_of("floors", "users")),
    ("processes", queries.all_in_order("processes")),
)
"""Every read of the store, by what it is for."""


async def need_transactions(database: Any) -> None:  # noqa: ANN401
    """Return if the server knows them.

    Raises:
        StoreUnavailable: it stands alone.
    """
    hello = await database.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StoreUnavailable(
            "MongoDB has to be a replica set, one member is enough: start it with --replSet rs0"
            " and run rs.initiate() once"
        )


async def make_indexes(database: Any) -> None:  # noqa: ANN401 - of either driver
    """Make what is missing. Any number of processes may do so at once, as often as they like."""
    there = set(await database.list_collection_names())
    for name in COLLECTIONS:
        if name not in there:
            await _make_collection(database, name)
    for index in INDEXES:
        made = database[index.collection]
        await made.create_index(list(index.keys), name=index.name, **index.options)


async def _make_collection(database: Any, name: str) -> None:  # noqa: ANN401
    try:
        await database.create_collection(name)
    except CollectionInvalid:  # the driver looked and another process was faster
        return
    except OperationFailure as error:  # the server says so
        if error.code != EXISTS:
            raise


async def counts(database: Any) -> dict[str, int]:  # noqa: ANN401 - of either driver
    """How many there are of each, about."""
    names = ("listens", "tracks", "users")
    return {name: await database[name].estimated_document_count() for name in names}


async def weaknesses(database: Any, process: str) -> list[str]:  # noqa: ANN401
    """What makes a majority less than two disks, once a write to one was confirmed."""
    seen = queries.seen(datetime.now(UTC))
    await database["processes"].update_one(queries.named(process), seen, upsert=True)
    hello = await database.command("hello")
    if len(hello.get("hosts", ())) == 1:
        return ["the replica set has one member: what it confirms is on one disk"]
    return []


async def stages(database: Any, query: Query) -> list[str]:  # noqa: ANN401
    """The stages of the plan that the server picks, an index by its name, outermost first."""
    command: Document = {"find": query.collection, "filter": query.filter}
    if query.hint:
        command["hint"] = query.hint
    if query.sort:
        command["sort"] = dict(query.sort)
    if query.limit:
        command["limit"] = query.limit
    if query.projection:
        command["projection"] = query.projection
    plan = await database.command("explain", command, verbosity="queryPlanner")
    winning = plan["queryPlanner"]["winningPlan"]
    return _stages(winning.get("queryPlan", winning))


def _stages(plan: Document) -> list[str]:
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    name = f"{plan['stage']} {plan['indexName']}" if "indexName" in plan else plan["stage"]
    return [name, *(stage for one in below for stage in _stages(one))]


async def unindexed(database: Any) -> list[str]:  # noqa: ANN401
    """Indexes that miss, and reads that go through a whole collection."""
    wrong = []
    for index in INDEXES:
        there = await database[index.collection].index_information()
        if index.name not in there:
            wrong.append(f"index {index.name} of {index.collection} is missing")
    for what, query in ASKED:
        try:
            found = await stages(database, query)
        except OperationFailure:
            wrong.append(f"{what}: index {query.index} cannot be used")
            continue
        if "COLLSCAN" in found:
            wrong.append(f"{what}: reads all of {query.collection}")
    return wrong
