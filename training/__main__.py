"""The command line, `python -m training COMMAND`: recipes, data, trainings, evaluation and published bundles."""

import sys
from collections.abc import Sequence

import click

from smear.sentence import SentenceError
from training.cli import adapt, compare, evaluate, fit, imported, inspect, segmentation
from training.cli.options import say

BAD_USE = 2


@click.group()
def training() -> None:
    """Data sets, recipes, honest evaluation and published bundles."""


for group in (fit, adapt, imported, inspect, compare, evaluate, segmentation):
    for command in group.COMMANDS:
        training.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 when it did what was asked, 1 with one sentence on standard error when it could not, 2 when it was not understood.
    """
    try:
        training.main(arguments, prog_name="python -m training", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return BAD_USE
    except SentenceError as error:
        say(str(error))
        return 1
    except click.Abort:  # what click makes of Ctrl-C
        say("Stopped. Run the same command again: a training goes on after its last whole epoch, all else begins anew.")
        return 1
    except OSError as error:
        say(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}. Nothing was published.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
