"""Lists: how they are made, what is given instead, and who is turned away."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import added, most, oldest, quantile, rate, total

BUILT = "recommendation_generation_duration_seconds"

ROW = Row(
    number=2,
    title="Lists: how they are made, what is given instead, who is turned away",
    panels=(
        Panel(
            title="Building a list, by algorithm: p95 below 50 ms",
            unit="s",
            shows="Time to build one list that no cache held, by the strategy asked for.",
            otherwise="One slow strategy: see Strategies. All of them: see CPU, and whether the"
            " catalogue grew; `./dev bench scale` says how the time grows with it.",
            queries=(Query(quantile(0.95, BUILT, by="algorithm"), "{{algorithm}}"),),
            bars=(0.05,),
        ),
        Panel(
            title="Building a list, by user type: p95 below 50 ms",
            unit="s",
            shows="The same time, for those who get a personal list and those who get what is"
            " popular.",
            otherwise="Slow `personal` lists with quick `popular` ones: look at the store, which"
            " only the first one reads.",
            queries=(Query(quantile(0.95, BUILT, by="user_type"), "{{user_type}}"),),
            bars=(0.05,),
        ),
        Panel(
            title="Lists built: few beside the requests",
            unit="ops",
            shows="Lists that were built a second, by strategy and user type; the probe user's"
            " and those made ahead are among them.",
            otherwise="If nearly as many as requests are built, caches do not help: see Caches.",
            queries=(
                Query(
                    rate(f"{BUILT}_count", by="algorithm, user_type"), "{{algorithm}} {{user_type}}"
                ),
            ),
        ),
        Panel(
            title="Answers by status: 2xx and 304, little else",
            unit="reqps",
            shows="HTTP answers a second by status; who was refused at the door is under Refused.",
            otherwise="429: somebody sends too many listens. 503: see Refused. 500: the log has"
            " the X-Request-Id of each.",
            queries=(Query(rate("echotune_request_seconds_count", by="status"), "{{status}}"),),
        ),
        Panel(
            title="Answers by route: p95 below 100 ms each",
            unit="s",
            shows="Time until an answer begins, 95 of 100, by route.",
            otherwise="A slow route for listens is the store's disk; a slow route for lists, see"
            " the panels above.",
            queries=(Query(quantile(0.95, "echotune_request_seconds", by="route"), "{{route}}"),),
            bars=(0.1,),
        ),
        Panel(
            title="Strategies: hardly anything but ok",
            unit="ops",
            shows="What became of each strategy that was asked, a second.",
            otherwise="`late`: it takes longer than ECHOTUNE_STRATEGY_TIMEOUT_MS. `failed`: if it"
            " is a service of its own, see its breaker; else the log says why.",
            queries=(
                Query(
                    rate("echotune_strategy_outcomes_total", by="strategy, outcome"),
                    "{{strategy}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            title="Fallbacks: none but the two that are tried",
            unit="ops",
            shows="Lists given instead of the personal one, a second. `stale` is an older list,"
            " `segment` what similar listeners like, `popular` what everybody does. Each process"
            " tries one of both every five minutes, and those count.",
            otherwise="See Strategies and Store: what was late or failed is the reason. With both"
            " quiet it is load: see Limits.",
            queries=(Query(rate("echotune_fallbacks_total", by="tier"), "{{tier}}"),),
        ),
        Panel(
            title="Lists for bad times: checked within ten minutes",
            unit="s",
            shows="Time since the fallbacks were last made and found good, in the process where"
            " that is longest ago.",
            otherwise="The log of that process says what is wrong with them; restart it if it says"
            " nothing.",
            queries=(Query(oldest("echotune_fallback_checked_timestamp_seconds"), "age"),),
            bars=(600,),
            empty="never checked",
        ),
        Panel(
            title="Limits: well above what is in flight",
            unit="none",
            shows="Requests in flight by class, what may be at once, and how many lists may be"
            " made or wait for it; the limits follow what each process manages.",
            otherwise="At the limit the rest is refused or given a fallback. If CPU is busy add a"
            " process; if not, something that lists wait for is slow.",
            queries=(
                Query(
                    total("echotune_requests_in_flight", by="request_class"), "{{request_class}}"
                ),
                Query(total("echotune_concurrency_limit"), "limit"),
                Query(total("echotune_making_limit"), "lists in the making, limit"),
            ),
        ),
        Panel(
            title="Refused: nobody",
            unit="reqps",
            shows="Requests refused with 503 a second, by class and reason: too many at once"
            " (`limit`), the loop is late (`lag`), too many lists to make (`lists`).",
            otherwise="`prefetch` and `push` go first and come back. If `user` or `events` are"
            " among them, add a process.",
            queries=(
                Query(
                    rate("echotune_shed_total", by="request_class, reason"),
                    "{{request_class}} {{reason}}",
                ),
            ),
        ),
        Panel(
            title="Lag of the event loop: below 5 ms",
            unit="s",
            shows="How long work that is due has to wait, in the process where it is longest.",
            otherwise="From 5 ms on prefetches and from 30 ms on lists are refused. Look at CPU:"
            " the process needs another one beside it, or a neighbour takes its processor.",
            queries=(
                Query(most("echotune_event_loop_lag_seconds", by="instance"), "{{instance}}"),
            ),
            bars=(0.005, 0.03),
        ),
        Panel(
            title="Given up: few abandoned, never late work",
            unit="none",
            shows="Lists not made since whoever asked had left, and steps begun for a request that"
            " had no time left, in an hour.",
            otherwise="Abandoned: clients lose patience, see p95. Late work is a bug: report it"
            " with the log of that time.",
            queries=(
                Query(added("echotune_lists_abandoned_total", over="1h"), "abandoned"),
                Query(added("echotune_work_started_after_deadline_total", over="1h"), "late work"),
            ),
        ),
        Panel(
            title="Store: every read in time",
            unit="ops",
            shows="Lists a second that went without what the store knows: it was `late` or"
            " `failed`, the bulkhead was `full`, or the breaker `skipped` it.",
            otherwise="Look at the store and the way to it; `echotune doctor` says whether it"
            " answers. Lists go on without it meanwhile.",
            queries=(Query(rate("echotune_store_read_failures_total", by="reason"), "{{reason}}"),),
        ),
        Panel(
            title="Traces: none lost",
            unit="none",
            shows="Traces of requests that were dropped in an hour. Lists do not suffer.",
            otherwise="See whether the Redis of ECHOTUNE_EVENTS_REDIS_URL answers; else there is"
            " more traffic than traces have room for.",
            queries=(Query(added("echotune_traces_lost_total", over="1h"), "lost"),),
        ),
    ),
)
