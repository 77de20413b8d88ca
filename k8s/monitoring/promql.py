"""The few shapes of PromQL that the dashboard is made of, all over the chosen processes."""

CHOSEN = 'instance=~"$instance"'
RECENT = "$__rate_interval"  # Grafana's: never shorter than four scrapes


def series(name: str, *matchers: str) -> str:
    """The series of this name; matchers are PromQL's own, as `status="503"`."""
    return f"{name}{{{', '.join((CHOSEN, *matchers))}}}"


def rate(name: str, *matchers: str, by: str = "", over: str = RECENT) -> str:
    """How often a second, of all processes together."""
    return f"{_of('sum', by)}(rate({series(name, *matchers)}[{over}]))"


def added(name: str, *matchers: str, over: str) -> str:
    """How many in this time, of all processes together.

    For counters that are exported from 0 on: one that appears with its first count grew by nothing.
    """
    return f"sum(increase({series(name, *matchers)}[{over}]))"


def total(name: str, *matchers: str, by: str = "") -> str:
    """The sum over processes; of a counter: since each of them started."""
    return f"{_of('sum', by)}({series(name, *matchers)})"


def mean(name: str, *matchers: str, by: str = "") -> str:
    """The mean over processes."""
    return f"{_of('avg', by)}({series(name, *matchers)})"


def most(name: str, *matchers: str, by: str = "") -> str:
    """The greatest of any process: also right where all of them say the same of one thing."""
    return f"{_of('max', by)}({series(name, *matchers)})"


def quantile(share: float, name: str, *matchers: str, by: str = "", over: str = RECENT) -> str:
    """What this share of a histogram's observations stays below; without any nothing, not NaN."""
    buckets = rate(f"{name}_bucket", *matchers, by=f"{by}, le" if by else "le", over=over)
    return f"histogram_quantile({share:g}, {buckets}) > 0"


def or_none(one_number: str) -> str:
    """0 instead of nothing: the label that it looks for may never have come up."""
    return f"({one_number} or vector(0))"


def age(name: str) -> str:
    """Seconds since the newest of these moments; nothing where there was none."""
    return f"time() - max({series(name)} > 0)"


def oldest(name: str) -> str:
    """Seconds since the oldest of these moments, of the processes that have one."""
    return f"time() - min({series(name)} > 0)"


def _of(word: str, by: str) -> str:
    return f"{word} by ({by}) " if by else word
