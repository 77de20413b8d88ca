"""What a newcomer sees when the service is ready: three requests that work on what is stored."""

from service.access.keys import FIRST_KEY
from service.domain import Listen
from service.house import House


async def greeting(house: House) -> str:
    """A few lines for the terminal."""
    base = f"http://{house.settings.host}:{house.settings.port}"
    head = f"EchoTune is ready on {base}   API page: {base}/schema   stop: Ctrl-C"
    asks = house.settings.guarded
    if asks and house.gate.keyring.empty:
        head += f"\n\n  callers need a key, and there is none; {FIRST_KEY}"
    elif asks:
        head += "\n\n  callers need a key: echotune keys --help"
    key = ' -H "Authorization: Bearer $KEY"' if asks else ""
    listen = await _example(house)
    if listen is None:
        return f"{head}\n\n  nothing is stored yet: echotune import --help, or PUT /v1/tracks\n\n"
    user, track = listen.user_id, listen.track_id
    body = f'{{"user_id":"{user}","track_id":"{track}","action":"like"}}'
    steps = (
        f"curl -s{key} '{base}/v1/users/{user}/recommendations?limit=3'",
        f"curl -s{key} {base}/v1/feedback -d '{body}'",
        f"curl -s{key} '{base}/v1/tracks/{track}/similar?limit=3'",
    )
    return "\n".join([head, "", *(f"  {step}" for step in steps), "", ""])


async def _example(house: House) -> Listen | None:
    async for batch in house.store.listens(batch=1):
        return batch[0]
    return None
