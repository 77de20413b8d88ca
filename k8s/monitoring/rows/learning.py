"""Learning: the one learner, the model that serves, and whether taste moves away from it."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import added, age, mean, most, oldest, rate, series, total

ROW = Row(
    number=5,
    title="Learning: the one learner, the model that serves, and whether taste moves away",
    panels=(
        Panel(
            title="Learners: exactly one",
            unit="none",
            shows="Processes that hold the lease of learning. Choose all instances to read it.",
            otherwise="0 for more than a minute: no process with `--role all` or `learner` runs or"
            " reaches the Redis of events. 2 for more than a minute: two installations, one Redis.",
            queries=(Query(total("echotune_learner_leads"), "learners"),),
            bars=(2,),
            decimals=0,
        ),
        Panel(
            title="Learning stopped: never",
            unit="bool_yes_no",
            shows="Yes after factors grew beyond measure; the last good ones serve meanwhile.",
            otherwise="An alarm. Look for a burst of odd listens; then `echotune models activate`"
            " a version, the serving one too, and learning starts from it.",
            queries=(Query(most("echotune_learning_stopped"), "stopped"),),
            most=1,
            bars=(1,),
        ),
        Panel(
            title="Listens learned: applied, as many as come in",
            unit="ops",
            shows="Listens that reached online learning, a second: `applied`, `known` (were"
            " before), `unusable` (of no known track).",
            otherwise="`unusable`: players send tracks that the catalogue does not have. Fewer than"
            " Listens: see Lag of events.",
            queries=(Query(rate("echotune_learned_listens_total", by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="Steps refused: none",
            unit="none",
            shows="Steps of learning in an hour that were not finite and changed nothing.",
            otherwise="One is harmless, many come before a stop: fit a new model with `echotune"
            " train`.",
            queries=(Query(added("echotune_learning_refused_total", over="1h"), "refused"),),
        ),
        Panel(
            title="Length of factors: level",
            unit="none",
            shows="Length of the rows that the learner's last steps have touched.",
            otherwise="Tenfold since the model is where learning stops. If it climbs for hours fit"
            " a new model.",
            queries=(Query(most("echotune_learning_norm"), "length"),),
        ),
        Panel(
            title="Patches: as many applied as published, by each",
            unit="ops",
            shows="Changes of the learner a second: `published` by it, `applied` by each other"
            " process, `reloaded` after a gap, `refused` when the lease was lost. One process alone"
            " has none.",
            otherwise="`reloaded` again and again: a process is too slow or its link is. `refused`"
            " now and then is a change of learners.",
            queries=(Query(rate("echotune_patches_total", by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="Snapshot: younger than two minutes while listens come",
            unit="s",
            shows="Time since the learner's newest good snapshot was written.",
            otherwise="See Snapshots that failed, and the room on the disk of DATA_DIR/learner."
            " Until then a restart has to learn what came since once more.",
            queries=(Query(age("echotune_snapshot_timestamp_seconds"), "age"),),
            bars=(120,),  # twice the time between two of them
            empty="no snapshot yet",
        ),
        Panel(
            title="Snapshots that failed: none",
            unit="none",
            shows="Snapshots in an hour that could not be written (`failed`), and those that were"
            " not whole, or of a learner whose lease had gone (`refused`).",
            otherwise="`failed`: no room or no right to write in DATA_DIR/learner. `refused` at a"
            " start: the one before is taken; the disk wants a look.",
            queries=(
                Query(added("echotune_snapshots_failed_total", over="1h"), "failed"),
                Query(added("echotune_snapshots_refused_total", over="1h"), "refused"),
            ),
        ),
        Panel(
            title="Model: younger than two days",
            unit="s",
            shows="Time since the serving model was fitted, in the process where it is oldest.",
            otherwise="See Quality gate and Jobs set aside: a fit was refused or failed. After a"
            " rollback it is meant.",
            queries=(Query(oldest("echotune_model_fitted_timestamp_seconds"), "age"),),
            bars=(172_800,),
            empty="no model",
        ),
        Panel(
            title="Quality gate: passed grows",
            unit="none",
            shows="Fitted models since each process started, by what the gate said of them.",
            otherwise="`failed`: `echotune models list` says where it was worse. Two in a row:"
            " look at what came in since, under Listens and Drift.",
            queries=(Query(total("echotune_model_gate_total", by="verdict"), "{{verdict}}"),),
            empty="no fit since the start",
        ),
        Panel(
            title="Quality, held out: recall and NDCG as of the last model",
            unit="percentunit",
            shows="Of the serving model, on listens held out at its fit, by strategy.",
            otherwise="`hybrid` below one of its parts: fit anew. A fall from model to model that"
            " the gate let through: compare with `echotune evaluate`.",
            queries=(
                Query(
                    mean(
                        "recommendation_algorithm_accuracy",
                        'metric_type=~"recall|ndcg"',
                        by="algorithm, metric_type",
                    ),
                    "{{algorithm}} {{metric_type}}",
                ),
            ),
        ),
        Panel(
            title="Quality, live: lists that were played from, no fewer than usual",
            unit="percentunit",
            shows="Share of the lists sent in 24 hours from which a track was played since, by"
            " strategy.",
            otherwise="A fall without a new model: see Fallbacks and Drift. With one: `echotune"
            " models rollback`.",
            queries=(
                Query(
                    mean(
                        "recommendation_algorithm_accuracy",
                        'metric_type="hit_at_k"',
                        by="algorithm",
                    ),
                    "{{algorithm}}",
                ),
            ),
        ),
        Panel(
            title="Drift: level from day to day",
            unit="none",
            shows="How far the plays of the last hour are from the same hours of two weeks before,"
            " by audio feature: Jensen-Shannon distance, 0 to 1. Needs some hours of plays.",
            otherwise="See Drift alarms. One feature alone: a campaign, a holiday, or an attack on"
            " a few tracks. All: fit a new model.",
            queries=(
                Query(
                    most("echotune_drift", 'distance="jensen_shannon"', by="feature"), "{{feature}}"
                ),
            ),
            most=1,
            empty="not enough plays yet",
        ),
        Panel(
            title="Drift, worst bin: level from day to day",
            unit="none",
            shows="The same comparison as the greatest change of any one bin of a feature: narrow"
            " peaks show here first.",
            otherwise="A peak in one feature is often one track: see what trends.",
            queries=(
                Query(most("echotune_drift", 'distance="linf"', by="feature"), "{{feature}}"),
            ),
            most=1,
            empty="not enough plays yet",
        ),
        Panel(
            title="Drift alarms: none",
            unit="none",
            shows="Hours that were too far from what is usual, since each process started, by"
            " feature; `error` is that of predictions.",
            otherwise="If more than one in a day, fit a model now: `echotune train`.",
            queries=(Query(total("echotune_drift_alarms_total", by="feature"), "{{feature}}"),),
        ),
        Panel(
            title="Prediction error: level",
            unit="none",
            shows="Mean error of the factors' predictions of what was played in the last hour,"
            " before they learned from it.",
            otherwise="If it climbs for hours taste has moved: fit a new model. A jump at a new"
            " model: `echotune models rollback`.",
            queries=(Query(f"max({series('echotune_prediction_error')} > 0)", "error"),),
            empty="no hour judged yet",
        ),
    ),
)
