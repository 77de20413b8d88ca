"""Experiments: whether a variant had to be stopped."""

from k8s.monitoring.panel import Panel, Query, Row
from k8s.monitoring.promql import added

ROW = Row(
    number=7,
    title="Experiments: whether a variant had to be stopped",
    panels=(
        Panel(
            title="Variants halted: none in a day",
            unit="none",
            shows="Variants that breached a guardrail in 24 hours. Their listeners get what the"
            " control gets.",
            otherwise="`echotune experiment report` says which guardrail it was and by how much."
            " End the experiment, or mend the variant and draw anew.",
            queries=(
                Query(added("echotune_experiment_variants_halted_total", over="1d"), "halted"),
            ),
            bars=(0.5,),
            decimals=0,
        ),
    ),
)
