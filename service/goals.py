"""What the service promises, for people and for the business that runs it.

As series, so that whoever watches compares what is with what was to be; the dashboard draws its
bars from here, and the alerts of `k8s/monitoring/rules.yaml` are about the same numbers.
"""

GOALS = {
    "answers_without_error": 0.999,  # of requests, in 30 days
    "lists_within_100_ms": 0.95,
    "cache_hit_rate": 0.85,
    "skips_followed": 0.99,  # by a list within ten seconds
    "personal_lists": 0.95,  # not those of bad times
    "satisfaction": 3.5,  # mean rating
    "coverage": 0.7,  # of the catalogue, in 24 hours
    "gini": 0.3,  # at most: how unevenly tracks are shown
    "novelty": 0.6,
}
