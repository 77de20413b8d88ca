"""Every metric EchoTune exports. Labels have few, known values: never an id, path or message."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram, start_http_server

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
    "Share of lists answered from this cache layer since the start.",
    ["cache_layer"],
)
SATISFACTION = Gauge(
    "recommendation_user_satisfaction_score",
    "Mean rating (0.5 to 5) given in the period.",
    ["time_period"],  # 24h | 7d | 30d
)
ACCURACY = Gauge(
    "recommendation_algorithm_accuracy",
    "Offline quality of the serving model on listens held out at its fit.",
    ["algorithm", "metric_type"],
)
STRATEGY_OUTCOMES = Counter(
    "echotune_strategy_outcomes_total",
    "What became of each strategy asked.",
    ["strategy", "outcome"],  # ok | failed | late
)
LISTENS = Counter("echotune_listens_total", "Listens stored.", ["action"])
REQUEST_SECONDS = Histogram(
    "echotune_request_seconds",
    "Time to answer one HTTP request.",
    ["route", "status"],
    buckets=SECONDS,
)
MODEL_FITTED = Gauge(
    "echotune_model_fitted_timestamp_seconds", "When the serving model was fitted."
)
JOBS = Counter("echotune_jobs_total", "Attempts at jobs that ended.", ["kind", "outcome"])
"""done | failed (for good) | retried | lost (cancelled, or taken over by another worker)"""
JOBS_WAITING = Gauge("echotune_jobs_waiting", "Jobs that wait, due or not.", ["priority"])
JOBS_OLDEST = Gauge("echotune_jobs_oldest_waiting_seconds", "Age of the oldest job that is due.")
JOBS_DEAD = Gauge(
    "echotune_jobs_dead_letters", "Jobs that failed for good; 100 means as many or more."
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
