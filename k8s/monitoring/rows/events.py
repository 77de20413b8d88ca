"""Events: what comes in, and how it travels."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import most, rate

ROW = Row(
    number=4,
    title="Events: what comes in, and how it travels",
    panels=(
        Panel(
            title="Listens: as many as usual",
            unit="ops",
            shows="Listens stored a second, by action; the probe user's skips are among them.",
            otherwise="If they stop while lists are asked for, look at what the players send: POST"
            " /v1/listens answers what is wrong with it.",
            queries=(Query(rate("echotune_listens_total", by="action"), "{{action}}"),),
        ),
        Panel(
            title="Odd times: few",
            unit="ops",
            shows="Listens taken whose time was in the future (`clamped` to now) or more than a"
            " week past (`late`), a second.",
            otherwise="`clamped`: a player's clock is wrong. `late`: an import, or a player that"
            " was offline; these do not trend.",
            queries=(Query(rate("echotune_listens_flagged_total", by="flag"), "{{flag}}"),),
        ),
        Panel(
            title="Listens refused: none",
            unit="ops",
            shows="Listens refused with 429 a second: too many of one `user`, or from one address"
            " (`source`).",
            otherwise="One user: a player that loops, or somebody who pushes a track. One source:"
            " behind a proxy everybody comes from its address, so raise"
            " ECHOTUNE_SOURCE_LISTENS_PER_MINUTE.",
            queries=(Query(rate("echotune_listens_limited_total", by="of"), "{{of}}"),),
        ),
        Panel(
            title="Plays of old players: stored",
            unit="ops",
            shows="Plays submitted by the Audioscrobbler protocol a second, and what became of"
            " them; none while ECHOTUNE_AUDIOSCROBBLER is off.",
            otherwise="`unknown`: the catalogue has no such recording, so PUT it to /v1/tracks."
            " `refused`: the player sent what makes no sense.",
            queries=(Query(rate("echotune_scrobbles_total", by="result"), "{{result}}"),),
            empty="no old players",
        ),
        Panel(
            title="Events handled: done, hardly retried",
            unit="ops",
            shows="Tries at events a second, by group and outcome; the learner is one of them.",
            otherwise="`retried`: what a group needs is away, or a batch of the learner had one bad"
            " event in it; the log says what. `dead`: see Events set aside.",
            queries=(
                Query(rate("echotune_events_total", by="group, outcome"), "{{group}} {{outcome}}"),
            ),
        ),
        Panel(
            title="Events waiting: few, and fewer again",
            unit="none",
            shows="Events that a group has yet to be given or the learner to save, and those that"
            " were given out and are not settled.",
            otherwise="`echotune events lag` says who is behind. When too much waits listens are"
            " refused with 503: start one more worker, or the learner.",
            queries=(
                Query(most("echotune_events_waiting", by="group"), "{{group}} waiting"),
                Query(most("echotune_events_owned", by="group"), "{{group}} given out"),
            ),
        ),
        Panel(
            title="Lag of events: oldest below two minutes",
            unit="s",
            shows="Age of the oldest event of each group that waits or is not settled. The learner"
            " lets go of events once a minute, with its snapshot.",
            otherwise="If it grows second by second, nobody reads for that group: see whether its"
            " process runs. Else it is too slow: see CPU.",
            queries=(Query(most("echotune_events_oldest_seconds", by="group"), "{{group}}"),),
            bars=(120,),
        ),
        Panel(
            title="Events set aside: none",
            unit="none",
            shows="Events that were given up, by group; 100 over all groups means as many or more.",
            otherwise="An alarm. `echotune events dead` says why; once the reason is gone,"
            " `echotune events replay` tells one again.",
            queries=(Query(most("echotune_events_dead_letters", by="group"), "{{group}}"),),
            bars=(1,),
        ),
    ),
)
