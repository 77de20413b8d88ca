"""OpenFeature's remote evaluation: an experiment is a flag, whose value is the name of a variant.

Any OpenFeature SDK reads the assignment here (OFREP 0.3, openfeature.dev/docs/reference/other-
technologies/ofrep). A user in no variant gets no value, which means: the default in the caller's
code. Errors are in the protocol's own shape. To ask is not to see a list: nothing is counted.
"""

from hashlib import blake2b
from typing import Any, Literal

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import UNSET, Struct, UnsetType

from service.api.contract import AnyRequest, documents
from service.api.forms import is_known
from service.api.listens import BODY_BYTES
from service.api.scopes import check_user, scope
from service.base62 import base62
from service.domain import Experiment, UserId, Value
from service.experiments.arms import Arms
from service.recommend.recommender import Recommender
from service.store import Store

ErrorCode = Literal["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND"]
LONGEST = 400  # characters of a reason


class Evaluation(Struct, frozen=True, kw_only=True):
    """One flag for one user; providers want `reason` and `variant` even where there is no value."""

    key: str
    reason: Literal["SPLIT", "DEFAULT", "DISABLED"]
    variant: str = ""
    value: str | UnsetType = UNSET
    metadata: dict[str, Value] = {}


class EvaluationFailure(Struct, frozen=True, kw_only=True):
    """Why there is none; the stock Python provider needs `errorDetails` to see the code."""

    key: str | UnsetType = UNSET
    error_code: ErrorCode = msgspec.field(name="errorCode")
    error_details: str = msgspec.field(name="errorDetails")


class Evaluations(Struct, frozen=True):
    """Every experiment that runs."""

    flags: list[Evaluation]


class EvaluationRequest(Struct, frozen=True):
    """What is asked; of the context only `targetingKey` is read: the user."""

    context: dict[str, Any] = {}


class _Refused(Exception):
    """With the code and the reason for whoever asked."""


_request = msgspec.json.Decoder(EvaluationRequest)


class OfrepController(Controller):
    """Assignments as feature flags."""

    tags = ("experiments",)
    opt = scope("recs:read", whose="asked")

    @post(
        "/ofrep/v1/evaluate/flags/{key:str}",
        status_code=200,
        operation_id="evaluateFlag",
        operation_class=documents(body=EvaluationRequest, refusal=EvaluationFailure),
        request_max_body_size=BODY_BYTES,
    )
    async def evaluate(
        self,
        request: AnyRequest,
        key: FromPath[str],
        body: RawBody,
        store: NamedDependency[Store],
        recommender: NamedDependency[Recommender],
    ) -> Response[Evaluation]:
        """The variant of this experiment that the user of `targetingKey` is in."""
        try:
            user_id = _user(body)
        except _Refused as refused:
            return _failure(*refused.args, key=key)
        check_user(request, user_id)
        experiment = await store.experiment(key)
        if experiment is None:
            return _failure("FLAG_NOT_FOUND", "no experiment is called that", key=key)
        return Response(_evaluation(experiment, await recommender.arms(user_id)))

    @post(
        "/ofrep/v1/evaluate/flags",
        status_code=200,
        operation_id="evaluateFlags",
        operation_class=documents(body=EvaluationRequest, refusal=EvaluationFailure),
        request_max_body_size=BODY_BYTES,
    )
    async def evaluate_all(
        self,
        request: AnyRequest,
        body: RawBody,
        store: NamedDependency[Store],
        recommender: NamedDependency[Recommender],
    ) -> Response[Evaluations]:
        """All experiments that run, for one user; 304 where nothing has changed since the ETag."""
        try:
            user_id = _user(body)
        except _Refused as refused:
            return _failure(*refused.args)
        check_user(request, user_id)
        arms = await recommender.arms(user_id)
        running = [one for one in await store.experiments() if one.status == "running"]
        found = Evaluations([_evaluation(one, arms) for one in running])
        digest = base62(blake2b(msgspec.json.encode(found), digest_size=8).digest())
        headers = {"ETag": f'"{digest}"'}
        if is_known(request.headers.get("if-none-match", "").encode(), headers["ETag"].encode()):
            return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
        return Response(found, headers=headers)


def _evaluation(experiment: Experiment, arms: Arms) -> Evaluation:
    variant = arms.variants.get(experiment.name)
    if variant is None:
        reason: Literal["DEFAULT", "DISABLED"]
        reason = "DEFAULT" if experiment.status == "running" else "DISABLED"
        return Evaluation(key=experiment.name, reason=reason)
    chosen = next(one for one in experiment.variants if one.name == variant)
    return Evaluation(
        key=experiment.name,
        reason="SPLIT",
        variant=variant,
        value=variant,
        metadata={**chosen.settings, "experiment": experiment.name},
    )


def _user(body: bytes) -> str:
    try:
        context = _request.decode(body).context
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused("PARSE_ERROR", str(error)[:LONGEST]) from error
    if "targetingKey" not in context:
        raise _Refused("TARGETING_KEY_MISSING", "the context has no targetingKey: the user's id")
    try:
        user_id: str = msgspec.convert(context["targetingKey"], UserId)
    except msgspec.ValidationError as error:
        raise _Refused("INVALID_CONTEXT", f"targetingKey: {error}"[:LONGEST]) from error
    return user_id


def _failure(code: ErrorCode, why: str, *, key: str | UnsetType = UNSET) -> Response[Any]:
    failure = EvaluationFailure(key=key, error_code=code, error_details=why)
    return Response(failure, status_code=404 if code == "FLAG_NOT_FOUND" else 400)
