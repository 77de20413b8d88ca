"""Caches: where answers come from, and whether they are right."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import added, mean, most, rate

ROW = Row(
    number=3,
    title="Caches: where answers come from, and whether they are right",
    panels=(
        Panel(
            title="Lookups: mostly local",
            unit="ops",
            shows="Lookups of lists a second by how they ended: `local`, `shared`, `stale` (within"
            " its bound), `negative` (known to be nobody), `miss`.",
            otherwise="Many `miss`: more ECHOTUNE_LOCAL_CACHE_BYTES, or ECHOTUNE_REDIS_URL for a"
            " shared level. Many `negative`: somebody asks for users who do not exist.",
            queries=(Query(rate("echotune_cache_lookups_total", by="result"), "{{result}}"),),
        ),
        Panel(
            title="Hit rate by layer: local above 85 %",
            unit="percentunit",
            shows="Share of lists and profiles answered from each layer since the start; `shared`"
            " is of those that asked it.",
            otherwise="Every listen and every model makes lists old: compare with Listens. A low"
            " `shared` with a high `local` is as it should be.",
            queries=(
                Query(mean("recommendation_cache_hit_rate", by="cache_layer"), "{{cache_layer}}"),
            ),
            bars=(0.85,),
            good="above",
            most=1,
        ),
        Panel(
            title="Audit: many looks, nothing found",
            unit="none",
            shows="Kept answers that were compared with the store in an hour, and those that would"
            " have been served though the store had had a newer one for long.",
            otherwise="Found: an alarm, see Served though old. No looks: nobody asks, or"
            " ECHOTUNE_AUDIT_SHARE is 0.",
            queries=tuple(
                Query(added(f"echotune_cache_{what}_total", f'level="{level}"', over="1h"), legend)
                for what, level, legend in (
                    ("audited", "local", "looked at, local"),
                    ("audited", "shared", "looked at, shared"),
                    ("inconsistent", "local", "found, local"),
                    ("inconsistent", "shared", "found, shared"),
                )
            ),
        ),
        Panel(
            title="Shared cache failures: none",
            unit="ops",
            shows="Calls of the shared level that went without it, a second, by reason.",
            otherwise="`late` and `failed`: the way to that Redis; `skipped`: its breaker is open;"
            " `unreadable`: two releases at once, which passes; `owed`, `forgotten`: news of"
            " writes had to wait or was dropped, so watch the audit.",
            queries=(
                Query(rate("echotune_shared_cache_failures_total", by="reason"), "{{reason}}"),
            ),
        ),
        Panel(
            title="Breakers: all closed",
            unit="bool_on_off",
            shows="On while only probes are let through to this dependency, in any process.",
            otherwise="Repair what it is named after: `store`, `redis`, or the strategy of that"
            " name. It closes by itself.",
            queries=(Query(most("echotune_breaker_open", by="dependency"), "{{dependency}}"),),
            most=1,
            bars=(1,),
        ),
    ),
)
