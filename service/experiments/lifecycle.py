"""What an experiment goes through: draft, running, stopped, archived; never back to draft.

Everything that decides who gets what (variants, audience, layer) is fixed when it is created; what
may change is how many take part, until when, and who tests. Two changes at once: one is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from service.domain import (
    Experiment,
    Guardrail,
    Key,
    Label,
    Share,
    UserId,
    Utc,
    Value,
    Variant,
)
from service.errors import Conflict, Invalid, UnknownExperiment
from service.experiments.assignment import claim, layer_of
from service.experiments.metrics import METRICS
from service.experiments.running import TRAITS
from service.store import Store

Check = Callable[[Mapping[str, Value]], object]
"""Raises `Invalid` for settings that nobody reads; whoever reads them brings it."""
Overrides = Annotated[dict[UserId, Label], Meta(max_length=100)]
Guardrails = Annotated[tuple[Guardrail, ...], Meta(max_length=20)]


class Draft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An experiment as somebody proposes it. The first variant is the control."""

    name: Label
    variants: Annotated[tuple[Variant, ...], Meta(min_length=2, max_length=20)]
    allocation: Share = 0.1
    audience: dict[Key, Value] = {}
    layer: Label | None = None
    starts: Utc | None = None
    ends: Utc | None = None
    guardrails: Guardrails = ()
    overrides: Overrides = {}


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change of an experiment; what is absent stays. An `ends` of null: no end."""

    allocation: Share | UnsetType = UNSET
    ends: Utc | UnsetType | None = UNSET
    guardrails: Guardrails | UnsetType = UNSET
    overrides: Overrides | UnsetType = UNSET


async def find(store: Store, name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        UnknownExperiment, StoreUnavailable
    """
    experiment = await store.experiment(name)
    if experiment is None:
        raise UnknownExperiment(f"no experiment is called {name!r}: `echotune experiment list`")
    return experiment


async def create(store: Store, draft: Draft, check: Check) -> Experiment:
    """Keep a draft.

    Raises:
        Invalid: it contradicts itself, or asks for what there is not.
        Conflict: the name was given before, perhaps to one that is archived.
    """
    experiment = Experiment(**_members(draft))
    _check(experiment)
    for variant in experiment.variants:
        check(variant.settings)
    stored = await store.put_experiment(experiment, expected_rev=0)
    if stored is None:
        raise Conflict(f"an experiment {draft.name!r} was there before: names are given once")
    return stored


async def start(store: Store, name: str, *, now: datetime) -> Experiment:
    """Let it run: at once, or from `starts` on when that is still to come.

    One that was stopped goes on, with whoever was in it, and without an end that has passed.

    Raises:
        Conflict: it runs or is archived, its end has passed, nothing of it is left to try, its
            layer has too little left, or another that runs sets the same in another layer.
        UnknownExperiment
    """
    experiment = await find(store, name)
    _need(experiment, ("draft", "stopped"), "start")
    ends = experiment.ends
    if ends is not None and ends <= now:
        if experiment.status == "draft":
            raise Conflict(f"{name} was to end at {ends.isoformat()}: give it another end")
        ends = None  # it was the moment of the stop
    if _all_halted(experiment):
        raise Conflict(f"every variant of {name} was halted: create an experiment of another name")
    others = await store.experiments()
    _need_free(experiment, others)
    wanted = claim(structs.replace(experiment, status="running", ends=ends), others)
    if wanted.starts is None:
        wanted = structs.replace(wanted, starts=now)
    return await _claimed(store, experiment, wanted)


async def stop(store: Store, name: str, *, now: datetime) -> Experiment:
    """Everybody gets what they would get without it, from the next request on.

    Raises:
        Conflict: it does not run.
        UnknownExperiment
    """
    experiment = await find(store, name)
    _need(experiment, ("running",), "stop")
    return await _put(
        store, structs.replace(experiment, status="stopped", ends=_end(experiment, now))
    )


async def halt(store: Store, name: str, variant: str, *, why: str, now: datetime) -> Experiment:
    """Take a variant from its users for good; without another to compare, stop it all.

    Raises:
        Conflict: the experiment does not run.
        Invalid: it has no such variant beside the control.
        UnknownExperiment
    """
    experiment = await find(store, name)
    _need(experiment, ("running",), "halt")
    if variant not in {one.name for one in experiment.variants[1:]}:
        raise Invalid(f"{name} has no variant {variant!r} that could be halted")
    halted = structs.replace(experiment, halted=experiment.halted | {variant: why})
    if _all_halted(halted):
        halted = structs.replace(halted, status="stopped", ends=_end(experiment, now))
    return await _put(store, halted)


def _all_halted(experiment: Experiment) -> bool:
    return all(one.name in experiment.halted for one in experiment.variants[1:])


async def archive(store: Store, name: str) -> Experiment:
    """Keep it, and its name, for the record only.

    Raises:
        Conflict: it runs, or is archived already.
        UnknownExperiment
    """
    experiment = await find(store, name)
    _need(experiment, ("draft", "stopped"), "archive")
    return await _put(store, structs.replace(experiment, status="archived"))


async def change(store: Store, name: str, wanted: Change) -> Experiment:
    """Change what may change; whoever is in a variant stays in it.

    Raises:
        Invalid: it would contradict itself.
        Conflict: it is archived, would shrink, or finds too little left of its layer.
        UnknownExperiment
    """
    experiment = await find(store, name)
    _need(experiment, ("draft", "running", "stopped"), "change")
    changed = structs.replace(experiment, **_members(wanted))
    _check(changed)
    if experiment.status != "running":
        claim(changed, ())  # if it shrank it could never be started again
        return await _put(store, changed)
    changed = claim(changed, await store.experiments())
    return await _claimed(store, experiment, changed)


def _members(given: Draft | Change) -> dict[str, Any]:
    every = {name: getattr(given, name) for name in given.__struct_fields__}
    return {name: value for name, value in every.items() if value is not UNSET}


def _need(experiment: Experiment, among: tuple[str, ...], verb: str) -> None:
    if experiment.status not in among:
        raise Conflict(f"{experiment.name} is {experiment.status}: there is nothing to {verb}")


def _check(experiment: Experiment) -> None:
    names = [variant.name for variant in experiment.variants]
    if len(set(names)) < len(names):
        raise Invalid(f"two variants have one name: {', '.join(names)}")
    if strange := sorted(set(experiment.overrides.values()) - set(names)):
        raise Invalid(f"overrides name no variant: {', '.join(strange)}")
    if strange := sorted(set(experiment.audience) - set(TRAITS)):
        raise Invalid(f"an audience is told by {', '.join(TRAITS)}; not by {', '.join(strange)}")
    if strange := sorted({one.metric for one in experiment.guardrails} - set(METRICS)):
        raise Invalid(f"no metric is called {', '.join(strange)}; there are {', '.join(METRICS)}")
    if experiment.starts and experiment.ends and experiment.ends <= experiment.starts:
        raise Invalid("it would end before it starts")


def _need_free(experiment: Experiment, others: Iterable[Experiment]) -> None:
    """Who is in two experiments that set the same would be in neither."""
    mine = {key for variant in experiment.variants for key in variant.settings}
    for other in others:
        if other.status != "running" or layer_of(other) == layer_of(experiment):
            continue
        both = mine & {key for variant in other.variants for key in variant.settings}
        if both:
            raise Conflict(
                f"{other.name} runs and sets {', '.join(sorted(both))} too: create both in one"
                " layer, which shares users between them, or stop it"
            )


def _end(experiment: Experiment, now: datetime) -> datetime:
    """Now; earlier where the clock has ended it: nobody was in it since."""
    return now if experiment.ends is None else min(now, experiment.ends)


async def _put(store: Store, experiment: Experiment) -> Experiment:
    stored = await store.put_experiment(experiment, expected_rev=experiment.rev)
    if stored is None:
        raise Conflict(f"{experiment.name} was changed by somebody else meanwhile: look again")
    return stored


async def _claimed(store: Store, before: Experiment, wanted: Experiment) -> Experiment:
    """Store what claims buckets; if another took the same at the same time, take it back."""
    stored = await _put(store, structs.replace(wanted, rev=before.rev))
    try:
        others = [one for one in await store.experiments() if one.name != stored.name]
        _need_free(stored, others)
        claim(stored, others)
    except Conflict:
        await _put(store, structs.replace(before, rev=stored.rev))
        raise
    return stored
