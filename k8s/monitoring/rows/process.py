"""Process: what each of them takes from the machine."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import most, rate, series

BY = "{{instance}}"

ROW = Row(
    number=8,
    title="Process: what each of them takes from the machine",
    panels=(
        Panel(
            title="Memory: level, and a third below the limit",
            unit="bytes",
            shows="Resident memory of each process.",
            otherwise="If it only climbs compare with the size of the catalogue and with"
            " ECHOTUNE_LOCAL_CACHE_BYTES, the part that may grow; a fit takes as much again for"
            " its time.",
            queries=(Query(series("process_resident_memory_bytes"), BY),),
        ),
        Panel(
            title="CPU: below 0.7 of a processor",
            unit="none",
            shows="Processor seconds a second of each process.",
            otherwise="Above it answers begin to wait for each other: add a process. A fit shows"
            " here, too; with `--role worker` it has a process of its own.",
            queries=(Query(f"rate({series('process_cpu_seconds_total')}[$__rate_interval])", BY),),
            bars=(0.7,),
            decimals=2,
        ),
        Panel(
            title="Open files: below half of what may be",
            unit="percentunit",
            shows="Share of the file descriptors a process may have that are open: connections,"
            " streams of updates, files.",
            otherwise="Raise the limit of open files where the service is started; streams of"
            " updates are the many.",
            queries=(Query(f"{series('process_open_fds')} / {series('process_max_fds')}", BY),),
            bars=(0.5,),
            most=1,
        ),
        Panel(
            title="Up for: longer than the last release",
            unit="s",
            shows="Time since each process started. Caches and most counters begin anew with it.",
            otherwise="If it restarts by itself look for an out-of-memory kill, then in the log"
            " before it.",
            queries=(Query(f"time() - {most('process_start_time_seconds', by='instance')}", BY),),
        ),
        Panel(
            title="Keys of the issuer of tokens: read 6 minutes ago at most",
            unit="s",
            shows="Age of the keys with which tokens (JWT) are signed, in each process; 0 where no"
            " tokens are taken.",
            otherwise="See whether ECHOTUNE_JWT_KEYS can be reached from here: after an hour no"
            " token is believed any more, while API keys still are. `echotune doctor` reads them"
            " at once.",
            queries=(Query(series("echotune_token_keys_age_seconds"), BY),),
            bars=(360.0, 3_600.0),
        ),
        Panel(
            title="Reading the keys of the issuer: never fails",
            unit="ops",
            shows="How often the keys with which tokens are signed were read, or could not be.",
            otherwise="The log says why. Tokens are believed for an hour more, then answered 503.",
            queries=(Query(rate("echotune_token_keys_read_total", by="result"), "{{result}}"),),
        ),
    ),
)
