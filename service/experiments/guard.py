"""Looks after experiments that run: what hurts is taken from its users, what is old is dropped."""

from datetime import datetime, timedelta

import structlog

from service import metrics
from service.errors import Conflict
from service.experiments.gathering import cut_times, gather
from service.experiments.lifecycle import halt
from service.experiments.report import GuardrailState, guardrails
from service.model.catalogue import Catalogue
from service.store import Store

log = structlog.get_logger()

KEPT_FOR = timedelta(days=90)
"""How long shown lists are kept: an experiment that runs longer is judged by its last 90 days."""


async def guard(store: Store, catalogue: Catalogue, *, now: datetime) -> list[GuardrailState]:
    """Halt every variant that has breached a guardrail; which they were, and why.

    Raises:
        StoreUnavailable
    """
    await store.forget_shown(now - KEPT_FOR)
    breached: list[GuardrailState] = []
    for experiment in await store.experiments():
        if experiment.status != "running" or not experiment.guardrails:
            continue
        end = cut_times(experiment, now)[-1]  # what came after it was done without a variant
        found = await gather(store, catalogue, experiment, now=now, times=[end])
        gone = set(experiment.halted)
        for state in guardrails(experiment, found.cuts[-1][1]):
            if state.state != "breached" or state.variant in gone:
                continue
            try:
                halted = await halt(store, experiment.name, state.variant, why=why(state), now=now)
            except Conflict as error:  # somebody stopped it meanwhile
                log.warning("a variant could not be halted", reason=str(error))
                continue
            gone = set(halted.halted)
            breached.append(state)
            metrics.VARIANTS_HALTED.inc()
            log.error(
                "a variant breached its guardrail and was halted",
                experiment=experiment.name,
                variant=state.variant,
                reason=why(state),
            )
            if halted.status != "running":
                break
    return breached


def why(state: GuardrailState) -> str:
    """A breach in words."""
    low = state.interval[0] if state.interval else 0.0
    return (
        f"{state.metric} is at least {low:.1%} worse than the control's; {state.most_loss:.1%} was"
        " the most it might be"
    )
