"""Every metric EchoTune exports. Labels have few, known values: never an id, path or message."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from service.settings import Settings

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

GENERATION_SECONDS = Histogram(
    "recommendation_generation_duration_seconds",
    "Time to build one list that no cache held.",
    ["algorithm", "user_type"],  # strategy asked for; personal | popular
    buckets=SECONDS,
)
HIT_RATE = Gauge(
    "recommendation_cache_hit_rate",
    "Share of lists and profiles answered from this cache layer since the start.",
    ["cache_layer"],
)
SHARED_FAILURES = Counter(
    "echotune_shared_cache_failures_total",
    "Calls of the shared cache level that went without it.",
    ["reason"],  # late | failed | skipped | unreadable | owed | forgotten
)
CACHE_AUDITED = Counter(
    "echotune_cache_audited_total",
    "Kept answers of a sample of users that were compared with the store.",
    ["level"],  # local | shared
)
CACHE_INCONSISTENT = Counter(
    "echotune_cache_inconsistent_total",
    "Of those, answers that would have been served though the store had had a newer rev for long.",
    ["level"],
)
for _level in ("local", "shared"):
    CACHE_AUDITED.labels(_level)
    CACHE_INCONSISTENT.labels(_level)  # from 0 on: a rate over a series that begins at 1 is 0
STORE_FAILURES = Counter(
    "echotune_store_read_failures_total",
    "Lists that went without what the store knows.",
    ["reason"],  # late | failed | full (the bulkhead) | skipped (the breaker)
)
TOKEN_KEYS_READ = Counter(
    "echotune_token_keys_read_total",
    "Attempts to read the keys with which tokens are signed.",
    ["result"],  # ok | failed
)
for _result in ("ok", "failed"):
    TOKEN_KEYS_READ.labels(_result)
TOKEN_KEYS_AGE_SECONDS = Gauge(
    "echotune_token_keys_age_seconds",
    "Since the keys with which tokens are signed were read; 0 where no tokens are taken.",
)
BREAKER_OPEN = Gauge(
    "echotune_breaker_open", "1 while only probes are let through.", ["dependency"]
)
FALLBACKS = Counter(
    "echotune_fallbacks_total",
    "Lists given instead of the personal one.",
    ["tier"],  # stale | segment | popular
)
FALLBACK_CHECKED = Gauge(
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
SHED = Counter(
    "echotune_shed_total",
    "Requests refused with 503 because there were too many.",
    ["request_class", "reason"],  # limit | lag | lists (too many to be made)
)
IN_FLIGHT = Gauge(
    "echotune_requests_in_flight", "Requests let in and not yet answered.", ["request_class"]
)
CONCURRENCY_LIMIT = Gauge("echotune_concurrency_limit", "Requests let in at once, as of now.")
MAKING_LIMIT = Gauge(
    "echotune_making_limit", "Lists that may be made or wait for it at once, as of now."
)
LOOP_LAG = Gauge("echotune_event_loop_lag_seconds", "How long work that is due has to wait.")
SATISFACTION = Gauge(
    "recommendation_user_satisfaction_score",
    "Mean rating (0.5 to 5) given in the period.",
    ["time_period"],  # 24h | 7d | 30d
)
ACCURACY = Gauge(
    "recommendation_algorithm_accuracy",
    "Of the serving model: on listens held out at its fit; hit_at_k: of lists sent, played since.",
    ["algorithm", "metric_type"],
)
LIVE_COVERAGE = Gauge(
    "echotune_live_coverage", "Share of the catalogue that anybody was shown in 24 hours."
)
LIVE_GINI = Gauge("echotune_live_gini", "Gini of how often tracks were shown in 24 hours.")
LIVE_NOVELTY = Gauge(
    "echotune_live_novelty",
    "Mean self-information of what was shown in 24 hours: 1 is unheard of.",
)
STRATEGY_OUTCOMES = Counter(
    "echotune_strategy_outcomes_total",
    "What became of each strategy asked.",
    ["strategy", "outcome"],  # ok | failed | late
)
EVENT_TO_EFFECT_SECONDS = Histogram(
    "echotune_event_to_effect_seconds",
    "From a skip to the first list that follows it, of a probe user.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
FRESHNESS_PROBES = Counter(
    "echotune_freshness_probes_total",
    "Skips of the probe user by what came of them.",
    ["outcome"],  # followed | late (not within ten seconds) | failed (could not be sent or asked)
)
for _outcome in ("followed", "late", "failed"):
    FRESHNESS_PROBES.labels(_outcome)
LISTENS = Counter("echotune_listens_total", "Listens stored.", ["action"])
LISTENS_FLAGGED = Counter(
    "echotune_listens_flagged_total",
    "Listens taken whose time was in the future, or more than a week past.",
    ["flag"],  # clamped | late
)
SCROBBLES = Counter(
    "echotune_scrobbles_total",
    "Plays submitted by the Audioscrobbler protocol, and what became of them.",
    ["result"],  # stored | duplicate | refused
)
LISTENS_LIMITED = Counter(
    "echotune_listens_limited_total",
    "Listens refused because there were too many of one user or from one address.",
    ["of"],  # user | source
)
REQUEST_SECONDS = Histogram(
    "echotune_request_seconds",
    "Time to answer one HTTP request.",
    ["route", "status"],
    buckets=SECONDS,
)
MODEL_FITTED = Gauge(
    "echotune_model_fitted_timestamp_seconds", "When the serving model was fitted."
)
MODEL_GATE = Counter(
    "echotune_model_gate_total",
    "Fitted models by what the quality gate said; unjudged: there was nothing to compare with.",
    ["verdict"],  # passed | failed | unjudged
)
LEARNED = Counter(
    "echotune_learned_listens_total",
    "Listens that reached online learning.",
    ["outcome"],  # applied | known (applied before) | unusable (of no known track)
)
for _outcome in ("applied", "known", "unusable"):
    LEARNED.labels(_outcome)
LEARNING_REFUSED = Counter(
    "echotune_learning_refused_total", "Steps that were not finite and changed nothing."
)
LEARNING_STOPPED = Gauge(
    "echotune_learning_stopped",
    "1 after factors grew beyond measure: the last good ones serve until a model is activated.",
)
LEARNING_NORM = Gauge(
    "echotune_learning_norm", "Length of the rows that the last steps of learning have touched."
)
DRIFT = Gauge(
    "echotune_drift",
    "How far the plays of the last hour are from those of two weeks before, by audio feature.",
    ["feature", "distance"],  # linf | jensen_shannon
)
DRIFT_ALARMS = Counter(
    "echotune_drift_alarms_total",
    "Hours that were too far from what is usual.",
    ["feature"],  # an audio feature, or error (of predictions)
)
PREDICTION_ERROR = Gauge(
    "echotune_prediction_error",
    "Mean error of the factors' predictions, of what was played in the last hour, before learning.",
)
LEARNER_LEADS = Gauge("echotune_learner_leads", "1 while this process is the one that learns.")
SNAPSHOTS_REFUSED = Counter(
    "echotune_snapshots_refused_total", "Snapshots of the learner that were not whole, or late."
)
SNAPSHOTS_FAILED = Counter(
    "echotune_snapshots_failed_total", "Snapshots of the learner that could not be written."
)
SNAPSHOT_SAVED = Gauge(
    "echotune_snapshot_timestamp_seconds", "When the learner's newest good snapshot was written."
)
PATCHES = Counter(
    "echotune_patches_total",
    "Changes of the learner that this process has published or applied.",
    ["outcome"],  # published | applied | reloaded (after a gap) | refused (the lease was lost)
)
JOBS = Counter("echotune_jobs_total", "Attempts at jobs that ended.", ["kind", "outcome"])
"""done | failed (for good) | retried | lost (cancelled, or taken over by another worker)"""
JOBS_WAITING = Gauge("echotune_jobs_waiting", "Jobs that wait, due or not.", ["priority"])
JOBS_OLDEST = Gauge("echotune_jobs_oldest_waiting_seconds", "Age of the oldest job that is due.")
JOBS_DEAD = Gauge(
    "echotune_jobs_dead_letters", "Jobs that failed for good; 100 means as many or more."
)

VARIANTS_HALTED = Counter(
    "echotune_experiment_variants_halted_total", "Variants that breached a guardrail."
)

EVENTS = Counter("echotune_events_total", "Tries at events by groups.", ["group", "outcome"])
"""done | retried | dead (set aside with a reason)"""
EVENTS_WAITING = Gauge(
    "echotune_events_waiting", "Events a group or reader has yet to be given.", ["group"]
)
EVENTS_OWNED = Gauge(
    "echotune_events_owned", "Events that were given out and are not settled.", ["group"]
)
EVENTS_OLDEST = Gauge(
    "echotune_events_oldest_seconds", "Age of the oldest event waiting or owned.", ["group"]
)
EVENTS_DEAD = Gauge(
    "echotune_events_dead_letters",
    "Events that were set aside; 100 over all groups means as many or more.",
    ["group"],
)

TRACES_LOST = Counter(
    "echotune_traces_lost_total", "Traces of requests that were dropped: no room, or no Redis."
)


@contextmanager
def served_apart(settings: Settings) -> Iterator[None]:
    """Serve /metrics on a port of its own while the application runs, if the settings name one."""
    if settings.metrics_port is None:
        yield
        return
    server, thread = start_http_server(settings.metrics_port, addr=settings.host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class LookupTally:
    """Lookups of one cache by how they ended. Plain numbers: a counter's lock is 8 % of a hit."""

    def __init__(self) -> None:
        self.local = self.shared = self.stale = self.negative = self.miss = 0

    def local_rate(self) -> float:
        """Share answered from the local level, stale answers within their bound included."""
        here = self.local + self.stale + self.negative
        return here / max(here + self.shared + self.miss, 1)

    def shared_rate(self) -> float:
        """Share of those that asked the shared level and were answered from it."""
        return self.shared / max(self.shared + self.miss, 1)


class _Lookups(Collector):
    def __init__(self) -> None:
        self.tally = LookupTally()

    def collect(self) -> Iterable[CounterMetricFamily]:
        lookups = CounterMetricFamily(
            "echotune_cache_lookups", "Lookups of lists by how they ended.", labels=["result"]
        )
        for result, count in vars(self.tally).items():
            lookups.add_metric([result], count)
        yield lookups


_LOOKUPS = _Lookups()
REGISTRY.register(_LOOKUPS)


def watch_lookups(tally: LookupTally) -> None:
    """Export this tally from now on."""
    _LOOKUPS.tally = tally
    HIT_RATE.labels("local").set_function(tally.local_rate)
    HIT_RATE.labels("shared").set_function(tally.shared_rate)
