"""Jobs: work to be done once."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import most, total

ROW = Row(
    number=6,
    title="Jobs: work to be done once",
    panels=(
        Panel(
            title="Jobs waiting: few, and fewer again",
            unit="none",
            shows="Jobs that wait, due or not, by priority. Processes that share a queue all say"
            " the same of it.",
            otherwise="If it only grows no worker runs: start `echotune serve --role worker`, or"
            " one more of them.",
            queries=(Query(most("echotune_jobs_waiting", by="priority"), "{{priority}}"),),
        ),
        Panel(
            title="Oldest job: due for less than a minute",
            unit="s",
            shows="Age of the oldest job that is due.",
            otherwise="`echotune jobs list` says which it is. A fit takes its time; others behind"
            " it want a second worker.",
            queries=(Query(most("echotune_jobs_oldest_waiting_seconds"), "oldest"),),
            bars=(60,),
        ),
        Panel(
            title="Jobs set aside: none",
            unit="none",
            shows="Jobs that failed for good; 100 means as many or more.",
            otherwise="An alarm. `echotune jobs dead` says why; `echotune jobs replay` runs one"
            " again.",
            queries=(Query(most("echotune_jobs_dead_letters"), "dead"),),
            bars=(1,),
        ),
        Panel(
            title="Attempts at jobs: done grows, the others do not",
            unit="none",
            shows="Attempts since each process started, by kind and outcome: `done`, `retried`,"
            " `failed` (for good), `lost` (cancelled, or another worker took it).",
            otherwise="`retried` that climbs ends in `failed`: the log has the reason. `lost`: a"
            " worker is too slow to say that it is alive, see CPU.",
            queries=(
                Query(total("echotune_jobs_total", by="kind, outcome"), "{{kind}} {{outcome}}"),
            ),
        ),
    ),
)
