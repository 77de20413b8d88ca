"""The echotune command: argv only, every verb ends in one call."""

import os
import sys

import rich_click as click

from service.cli.asking import recommend
from service.cli.auditing import audit
from service.cli.backing_up import backup, restore
from service.cli.doctor import doctor
from service.cli.evaluating import evaluate
from service.cli.events import events
from service.cli.experiments import experiment
from service.cli.exporting import export
from service.cli.importing import demo, import_
from service.cli.insights import insights
from service.cli.jobs import jobs
from service.cli.keys import keys
from service.cli.models import models
from service.cli.serving import serve
from service.cli.training import train
from service.cli.unresolved import unresolved
from service.errors import EchoTuneError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def echotune() -> None:
    """Music recommendations: listens in, personal and explained lists out.

    Settings come from the environment as ECHOTUNE_<NAME>; the one to know is ECHOTUNE_DATA_DIR
    (default: ./data), where listens, models and compiled kernels live.
    """


VERBS = (
    *(serve, demo, import_, export, backup, restore, train, models, recommend, evaluate),
    *(insights, experiment, jobs, events, unresolved, keys, audit, doctor),
)
for command in VERBS:
    echotune.add_command(command)


def main() -> int:
    """Run the command; an error EchoTune understands is one line, never a traceback."""
    try:
        result: int | None = echotune(prog_name="echotune", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except EchoTuneError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except BrokenPipeError:  # `echotune ... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result or 0
