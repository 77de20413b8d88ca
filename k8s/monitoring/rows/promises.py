"""Promises at a glance: one number each, green while it is kept."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import added, mean, most, or_none, quantile, rate, series
from service.goals import GOALS

ANSWERS = "echotune_request_seconds_count"
LISTS = 'route="/v1/users/{user_id}/recommendations"'
ASKED = 'route!="/metrics"'
FAILED = or_none(rate(ANSWERS, 'status=~"5.."'))
# Who is refused at the door is in no histogram of requests.
SHED = or_none(rate("echotune_shed_total", 'request_class!="push"'))
ALL = rate(ANSWERS, ASKED)
PROBES = "echotune_freshness_probes_total"
FOLLOWED = 'outcome="followed"'
UNSEEN = "nothing shown"  # the series are 0 then, and a Gini of 0 would look splendid
HOUR = "1h"  # probes are two a minute: a shorter time would have a p99 of ten of them

ROW = Row(
    number=1,
    title="Promises at a glance",
    panels=(
        Panel(
            title="Requests: as many as usual",
            unit="reqps",
            shows="HTTP requests answered a second, without scrapes and those refused at the door.",
            otherwise="At 0 look at the way in (ingress, DNS, readiness) before the service; far"
            " above the usual, see who was refused under Lists.",
            queries=(Query(ALL, "requests"),),
            kind="number",
        ),
        Panel(
            title="Lists: p95 below 100 ms",
            unit="s",
            shows="Time in which 95 of 100 lists were answered, those from a cache included.",
            otherwise="Compare with the time to build one under Lists. If that is short, too many"
            " wait: look at CPU and at the lag of the event loop, and add a process.",
            queries=(Query(quantile(0.95, "echotune_request_seconds", LISTS), "p95"),),
            bars=(0.1,),
            empty="no lists",
            kind="number",
        ),
        Panel(
            title="Errors: below 0.1 % of answers",
            unit="percentunit",
            shows="Share of requests answered with 5xx or refused because there were too many;"
            " streams of updates that were ended are left out.",
            otherwise="See Refused under Lists, then Answers by status: 503 is load or a store that"
            " is away, 500 is a bug, and the log has its X-Request-Id.",
            queries=(Query(f"({FAILED} + {SHED}) / ({ALL} + {SHED} > 0)", "failed"),),
            bars=(0.001,),
            decimals=2,
            empty="no requests",
            kind="number",
        ),
        Panel(
            title="Hit rate: above 85 %",
            unit="percentunit",
            shows="Share of lists and profiles that memory answered, since each process started.",
            otherwise="After a start or a new model wait ten minutes. Else look at Lookups under"
            " Caches: many of `miss` want more ECHOTUNE_LOCAL_CACHE_BYTES, or a shared level.",
            queries=(Query(mean("recommendation_cache_hit_rate", 'cache_layer="local"'), "local"),),
            bars=(GOALS["cache_hit_rate"],),
            good="above",
            most=1,
            kind="number",
        ),
        Panel(
            title="Freshness: p99 below 50 ms, 500 ms across",
            unit="s",
            shows="From a skip of the probe user to the first list that follows it, in the last"
            " hour: 50 ms in one process, 500 ms across processes.",
            otherwise="Look at Events waiting and Shared cache failures; between processes the"
            " notices of Redis carry the news.",
            queries=(Query(quantile(0.99, "echotune_event_to_effect_seconds", over=HOUR), "p99"),),
            bars=(0.05, 0.5),
            empty="no probe yet",
            kind="number",
        ),
        Panel(
            title="Skips followed: all of them",
            unit="percentunit",
            shows="Share of the probe's skips in the last hour that a list followed within ten"
            " seconds. Those that none followed are in no p99, so this is its other half.",
            otherwise="`late` is a list that ignores what happened: search the log for `a list did"
            " not follow a skip`. `failed` is a store that is away.",
            queries=(
                Query(
                    f"{rate(PROBES, FOLLOWED, over=HOUR)} / ({rate(PROBES, over=HOUR)} > 0)",
                    "followed",
                ),
            ),
            bars=(GOALS["skips_followed"],),
            good="above",
            most=1,
            empty="no probe yet",
            kind="number",
        ),
        Panel(
            title="Coverage: above 70 %",
            unit="percentunit",
            shows="Share of the catalogue that anybody was shown in 24 hours. Each process counts"
            " its own lists: this is the one that showed most, a lower bound of all together.",
            otherwise="With little traffic it cannot be high. Else raise ECHOTUNE_BALANCE a little"
            " and compare with `./dev bench quality-k`.",
            queries=(Query(f"max({series('echotune_live_coverage')} > 0)", "coverage"),),
            bars=(GOALS["coverage"],),
            good="above",
            most=1,
            empty=UNSEEN,
            kind="number",
        ),
        Panel(
            title="Gini: below 0.3",
            unit="none",
            shows="How unevenly tracks were shown in 24 hours: 0 is all alike, 1 is one track."
            " The mean over processes.",
            otherwise="High with little traffic is chance. Else raise ECHOTUNE_EXPOSURE_EVENNESS"
            " or ECHOTUNE_BALANCE; a new model makes the prices anew.",
            queries=(Query(f"avg({series('echotune_live_gini')} > 0)", "Gini"),),
            bars=(GOALS["gini"],),
            most=1,
            empty=UNSEEN,
            decimals=2,
            kind="number",
        ),
        Panel(
            title="Novelty: above 0.6",
            unit="none",
            shows="How unheard of what was shown in 24 hours is, 0 to 1. The mean over processes.",
            otherwise="Look at Fallbacks under Lists first: lists of what everybody likes are not"
            " novel. Else raise ECHOTUNE_BALANCE.",
            queries=(Query(f"avg({series('echotune_live_novelty')} > 0)", "novelty"),),
            bars=(GOALS["novelty"],),
            good="above",
            most=1,
            empty=UNSEEN,
            decimals=2,
            kind="number",
        ),
        Panel(
            title="Satisfaction: above 3.5 of 5",
            unit="none",
            shows="Mean rating that listeners gave in 24 hours, 7 days and 30 days. A time without"
            " ratings has no number.",
            otherwise="If 24h fell and 30d did not, something new did it: a model, an experiment, a"
            " release. `echotune models rollback` takes the model back.",
            queries=(
                Query(
                    mean("recommendation_user_satisfaction_score", by="time_period"),
                    "{{time_period}}",
                ),
            ),
            bars=(GOALS["satisfaction"],),
            good="above",
            most=5,
            decimals=2,
            empty="no ratings",
            kind="number",
        ),
        Panel(
            title="Served though old: none in a day",
            unit="none",
            shows="Kept answers that the audit found older than the store, in a day. An alarm.",
            otherwise="Compare both levels under Caches. `shared`: notices were lost, empty that"
            " Redis. `local`: restart the process, and report it.",
            queries=(Query(added("echotune_cache_inconsistent_total", over="1d"), "inconsistent"),),
            bars=(0.5,),
            decimals=0,
            kind="number",
        ),
        Panel(
            title="Set aside: no event, no job",
            unit="none",
            shows="Dead letters of both kinds. An alarm.",
            otherwise="`echotune events dead` and `echotune jobs dead` say why; once the reason is"
            " gone, `replay` of either brings them back.",
            queries=(
                Query(f"sum({most('echotune_events_dead_letters', by='group')})", "events"),
                Query(most("echotune_jobs_dead_letters"), "jobs"),
            ),
            bars=(1,),
            decimals=0,
            kind="number",
        ),
        Panel(
            title="Goals: what is promised",
            unit="none",
            shows="What every number here is compared with, by goal: shares, and of satisfaction"
            " the mean rating. `gini` is the one that is to be lower.",
            otherwise="These change with a release alone: two values of one goal are two releases"
            " at once, which passes.",
            queries=(Query(most("echotune_goal", by="goal"), "{{goal}}"),),
        ),
    ),
)
