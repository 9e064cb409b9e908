"""The command line: `python -m training recipes | inspect | fit | crossval | compare | contact | evaluate | novelty |
figures | segmenter | segmentation | atlas | probe | publish`."""

import argparse
import sys
from collections.abc import Sequence

from training.cli import evaluate, fit, inspect, segmentation
from training.cli.options import say
from training.data import dataset
from training.recipes import recipe


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for room in (fit, inspect, evaluate, segmentation):
        room.add(commands)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when it did what was asked, 1 with one sentence on standard error when it could not."""
    from smear.artifacts import BundleError
    from smear.inference.preprocess import UnknownStepError
    from training.architectures import UnknownArchitectureError

    chosen = parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except (
        dataset.DataError,
        recipe.RecipeError,
        BundleError,
        UnknownArchitectureError,
        UnknownStepError,
        FileNotFoundError,
        RuntimeError,
    ) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped. Run the same command again: it goes on after the last whole epoch.")
        return 1
    except OSError as error:
        say(f"{error.strerror or error}. Nothing was published.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
