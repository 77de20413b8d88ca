"""POST /v1/strategies/{name}: one strategy, for another process that makes the list."""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from service.api.contract import decode, documents
from service.api.listens import BODY_BYTES
from service.api.scopes import scope
from service.recommend.remote import StrategyQuestion, StrategyReply
from service.recommend.strategist import Strategist

_question = msgspec.json.Decoder(StrategyQuestion)


class StrategyController(Controller):
    """Strategies as services of their own: `ECHOTUNE_STRATEGY_SERVICES` names them."""

    tags = ("strategies",)

    @post(
        "/v1/strategies/{name:str}",
        status_code=200,
        operation_id="askStrategy",
        operation_class=documents(body=StrategyQuestion),
        request_max_body_size=BODY_BYTES,
        opt=scope("strategies:ask"),
    )
    async def ask(
        self, name: FromPath[str], body: RawBody, strategist: NamedDependency[Strategist]
    ) -> StrategyReply:
        """What one strategy says about the tracks it likes best for this listener."""
        question = decode(body, _question)
        return await strategist.answer(name, question)
