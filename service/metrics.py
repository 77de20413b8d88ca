"""Every metric EchoTune exports. Labels have few, known values: never an id, path or message.

What may never happen begins at 0: a rate over a series that begins at 1 is 0, and no alarm can
tell a quiet service from one that does not count. A gauge says what it comes to over several
workers; `service/merged.py` does it.
"""

from itertools import product
from math import nan
from typing import get_args

from prometheus_client import Counter, Histogram

from service.domain import FEATURES, Action, Strategy
from service.goals import GOALS
from service.instruments import counter, gauge

LEVELS = ("local", "shared")
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

GENERATION_SECONDS = Histogram(
    "recommendation_generation_duration_seconds",
    "Time to build one list that no cache held.",
    ["algorithm", "user_type"],  # strategy asked for; personal | popular
    buckets=SECONDS,
)
SHARED_FAILURES = counter(
    "echotune_shared_cache_failures_total",
    "Calls of the shared cache level that went without it.",
    reason=("late", "failed", "skipped", "unreadable", "owed", "forgotten"),
)
CACHE_AUDITED = counter(
    "echotune_cache_audited_total",
    "Kept answers of a sample of users that were compared with the store.",
    level=LEVELS,
)
CACHE_INCONSISTENT = counter(
    "echotune_cache_inconsistent_total",
    "Of those, answers that would have been served though the store had had a newer rev for long.",
    level=LEVELS,
)
STORE_FAILURES = counter(
    "echotune_store_read_failures_total",
    "Lists that went without what the store knows.",
    reason=("late", "failed", "full", "skipped"),  # full: the bulkhead; skipped: the breaker
)
TOKEN_KEYS_READ = counter(
    "echotune_token_keys_read_total",
    "Attempts to read the keys with which tokens are signed.",
    result=("ok", "failed"),
)
TOKEN_KEYS_AGE_SECONDS = gauge(
    "most",
    "echotune_token_keys_age_seconds",
    "Since the keys with which tokens are signed were read; 0 where no tokens are taken.",
)
BREAKER_OPEN = gauge(
    "most", "echotune_breaker_open", "1 while only probes are let through.", ["dependency"]
)
FALLBACKS = counter(
    "echotune_fallbacks_total",
    "Lists given instead of the personal one.",
    tier=("stale", "segment", "popular"),
)
FALLBACK_CHECKED = gauge(
    "least",
    "echotune_fallback_checked_timestamp_seconds",
    "When the lists kept for bad times were last made and found good.",
)
LATE_WORK = Counter(
    "echotune_work_started_after_deadline_total",
    "Steps begun for a request that had no time left: none but for a bug.",
)
ABANDONED = Counter(
    "echotune_lists_abandoned_total", "Lists not made, since whoever asked left before their turn."
)
SHED = counter(
    "echotune_shed_total",
    "Requests refused with 503 because there were too many.",
    request_class=("events", "user", "prefetch", "push"),
    reason=("limit", "lag"),
)
SHED.labels("prefetch", "lists")  # too many to be made
IN_FLIGHT = gauge(
    "sum", "echotune_requests_in_flight", "Requests let in and not yet answered.", ["request_class"]
)
CONCURRENCY_LIMIT = gauge(
    "sum", "echotune_concurrency_limit", "Requests let in at once, as of now."
)
MAKING_LIMIT = gauge(
    "sum", "echotune_making_limit", "Lists that may be made or wait for it at once, as of now."
)
LOOP_LAG = gauge(
    "most", "echotune_event_loop_lag_seconds", "How long work that is due has to wait."
)
SATISFACTION = gauge(
    "mean",
    "recommendation_user_satisfaction_score",
    "Mean rating (0.5 to 5) given in the period.",
    ["time_period"],  # 24h | 7d | 30d
)
ACCURACY = gauge(
    "mean",
    "recommendation_algorithm_accuracy",
    "Of the serving model: on listens held out at its fit; hit_at_k: of lists sent, played since.",
    ["algorithm", "metric_type"],
)
LIVE_COVERAGE = gauge(
    "most", "echotune_live_coverage", "Share of the catalogue that anybody was shown in 24 hours."
)
LIVE_GINI = gauge(
    "mean_above_0", "echotune_live_gini", "Gini of how often tracks were shown in 24 hours."
)
LIVE_NOVELTY = gauge(
    "mean_above_0",
    "echotune_live_novelty",
    "Mean self-information of what was shown in 24 hours: 1 is unheard of.",
)
STRATEGY_OUTCOMES = counter(
    "echotune_strategy_outcomes_total",
    "What became of each strategy asked.",
    strategy=get_args(Strategy),
    outcome=("ok", "failed", "late"),
)
EVENT_TO_EFFECT_SECONDS = Histogram(
    "echotune_event_to_effect_seconds",
    "From a skip to the first list that follows it, of a probe user.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
FRESHNESS_PROBES = counter(
    "echotune_freshness_probes_total",
    "Skips of the probe user by what came of them.",
    outcome=("followed", "late", "failed"),  # not within ten seconds; could not be sent or asked
)
LISTENS = counter(
    "echotune_listens_total",
    "Listens stored.",
    action=get_args(Action),
)
LISTENS_FLAGGED = counter(
    "echotune_listens_flagged_total",
    "Listens taken whose time was in the future, or more than a week past.",
    flag=("clamped", "late"),
)
SCROBBLES = counter(
    "echotune_scrobbles_total",
    "Plays submitted by the Audioscrobbler protocol, and what became of them.",
    result=("stored", "duplicate", "refused"),
)
LISTENS_LIMITED = counter(
    "echotune_listens_limited_total",
    "Listens refused because there were too many of one user or from one address.",
    of=("user", "source"),
)
REQUEST_SECONDS = Histogram(
    "echotune_request_seconds",
    "Time to answer one HTTP request.",
    ["route", "status"],
    buckets=SECONDS,
)
MODEL_FITTED = gauge(
    "least", "echotune_model_fitted_timestamp_seconds", "When the serving model was fitted."
)
MODEL_GATE = counter(
    "echotune_model_gate_total",
    "Fitted models by what the quality gate said; unjudged: there was nothing to compare with.",
    verdict=("passed", "failed", "unjudged"),
)
LEARNED = counter(
    "echotune_learned_listens_total",
    "Listens that reached online learning.",
    outcome=("applied", "known", "unusable"),  # known: applied before; unusable: of no known track
)
LEARNING_REFUSED = Counter(
    "echotune_learning_refused_total", "Steps that were not finite and changed nothing."
)
LEARNING_STOPPED = gauge(
    "most",
    "echotune_learning_stopped",
    "1 after factors grew beyond measure: the last good ones serve until a model is activated.",
)
LEARNING_NORM = gauge(
    "most",
    "echotune_learning_norm",
    "Length of the rows that the last steps of learning have touched.",
)
DRIFT = gauge(
    "most",
    "echotune_drift",
    "How far the plays of the last hour are from those of two weeks before, by audio feature.",
    ["feature", "distance"],  # linf | jensen_shannon
)
for _labels in product(FEATURES, ("linf", "jensen_shannon")):
    DRIFT.labels(*_labels).set(nan)  # not known: 0 would say that nothing has changed
DRIFT_ALARMS = counter(
    "echotune_drift_alarms_total",
    "Hours that were too far from what is usual.",
    feature=(*FEATURES, "error"),
)
PREDICTION_ERROR = gauge(
    "most",
    "echotune_prediction_error",
    "Mean error of the factors' predictions, of what was played in the last hour, before learning.",
)
LEARNER_LEADS = gauge(
    "sum", "echotune_learner_leads", "1 while this process is the one that learns."
)
SNAPSHOTS_REFUSED = Counter(
    "echotune_snapshots_refused_total", "Snapshots of the learner that were not whole, or late."
)
SNAPSHOTS_FAILED = Counter(
    "echotune_snapshots_failed_total", "Snapshots of the learner that could not be written."
)
SNAPSHOT_SAVED = gauge(
    "most",
    "echotune_snapshot_timestamp_seconds",
    "When the learner's newest good snapshot was written.",
)
PATCHES = counter(
    "echotune_patches_total",
    "Changes of the learner that this process has published or applied.",
    # reloaded: after a gap; refused: the lease was lost
    outcome=("published", "applied", "reloaded", "refused"),
)
JOBS = Counter("echotune_jobs_total", "Attempts at jobs that ended.", ["kind", "outcome"])
"""done | failed (for good) | retried | lost (cancelled, or taken over by another worker)"""
JOBS_WAITING = gauge("most", "echotune_jobs_waiting", "Jobs that wait, due or not.", ["priority"])
JOBS_OLDEST = gauge(
    "most", "echotune_jobs_oldest_waiting_seconds", "Age of the oldest job that is due."
)
JOBS_DEAD = gauge(
    "most", "echotune_jobs_dead_letters", "Jobs that failed for good; 100 means as many or more."
)

VARIANTS_HALTED = Counter(
    "echotune_experiment_variants_halted_total", "Variants that breached a guardrail."
)

EVENTS = counter(
    "echotune_events_total",
    "Tries at events by the learner, and by each group of consumers.",
    group=("learner",),
    outcome=("done", "retried", "dead"),  # dead: set aside with a reason
)
EVENTS_WAITING = gauge(
    "most", "echotune_events_waiting", "Events a group or reader has yet to be given.", ["group"]
)
EVENTS_OWNED = gauge(
    "most", "echotune_events_owned", "Events that were given out and are not settled.", ["group"]
)
EVENTS_OLDEST = gauge(
    "most", "echotune_events_oldest_seconds", "Age of the oldest event waiting or owned.", ["group"]
)
EVENTS_DEAD = gauge(
    "most",
    "echotune_events_dead_letters",
    "Events that were set aside; 100 over all groups means as many or more.",
    ["group"],
)

GOAL = gauge("most", "echotune_goal", "What is promised: a share, or a mean rating.", ["goal"])
for _goal, _number in GOALS.items():
    GOAL.labels(_goal).set(_number)

TRACES_LOST = Counter(
    "echotune_traces_lost_total", "Traces of requests that were dropped: no room, or no Redis."
)
