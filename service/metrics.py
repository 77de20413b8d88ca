"""Every metric EchoTune exports. Labels have few, known values: never an id, path or message."""

from prometheus_client import Counter, Gauge, Histogram

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
