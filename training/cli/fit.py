"""Recipes into bundles: `recipes`, `fit`, `crossval`, `publish`."""

import argparse
import json
from pathlib import Path

from training.cli.options import MODELS, PROTOCOLS, Commands, first_weights, say, weights
from training.data import dataset
from training.recipes import recipe


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    commands.add_parser("recipes", help="list the recipes").set_defaults(run=_recipes)

    fit = commands.add_parser("fit", help="train a recipe on a data set; the result is a draft in RUN")
    cross = commands.add_parser("crossval", help="measure a recipe on pictures that its networks had not seen")
    for one in (fit, cross):
        one.add_argument("recipe", help="a name that `recipes` lists, or a TOML file")
        one.add_argument("--data", type=Path, required=True, help="class folders, or a folder with manifest.csv")
        one.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder for everything that is made")
        first_weights(one)
    fit.set_defaults(run=_fit)
    cross.add_argument("--protocol", choices=PROTOCOLS, required=True)
    cross.add_argument("--folds", type=int, default=5)
    cross.add_argument("--limit", type=int, help="run only the first so many folds")
    cross.add_argument(
        "--fold",
        type=int,
        nargs="+",
        metavar="N",
        help="run these folds only, counted from 1: processes may share the work. Without it they are gathered",
    )
    cross.add_argument("--format", choices=("text", "json"), default="text")
    cross.set_defaults(run=_crossval)

    publish = commands.add_parser("publish", help="put a run's draft, with its results, into models/")
    publish.add_argument("out", type=Path, metavar="RUN")
    publish.add_argument("--name", help="publish under another name than the recipe's")
    publish.add_argument("--models", type=Path, default=MODELS)
    publish.set_defaults(run=_publish)


def _recipes(_: argparse.Namespace) -> None:
    for name in recipe.names():
        print(f"{name:26} {recipe.load(name).title}")


def _fit(arguments: argparse.Namespace) -> None:
    import numpy as np

    from training.evaluation.splits import validation
    from training.fit.experiment import draft, gather

    chosen = recipe.load(arguments.recipe)
    first = weights(arguments)
    material = gather(chosen, dataset.load(arguments.data))
    everything = np.arange(len(material.dataset))
    parts = everything, everything[:0]
    if chosen.schedule.validation_split:
        parts = validation(everything, material.targets, material.groups, "grouped", chosen.schedule.seed)
    made = draft(chosen, material, parts, first, arguments.out, say, arguments.network_cache)
    print(f"Draft: {made}. It has no results yet: run crossval with the same --out, then publish.")


def _crossval(arguments: argparse.Namespace) -> None:
    from training.evaluation.conclusion import conclude
    from training.evaluation.cross_validation import Study, crossval, result_file, some_folds
    from training.evaluation.metrics import plain

    chosen = recipe.load(arguments.recipe)
    study = Study(
        chosen,
        dataset.load(arguments.data),
        weights(arguments),
        arguments.protocol,
        arguments.out,
        arguments.folds,
        arguments.network_cache,
    )
    if arguments.fold:
        which = [number - 1 for number in arguments.fold]
        for file in some_folds(study, which, say):
            print(f"Finished: {file.parent}. Give the command without --fold when all are, to gather them.")
        return
    result = crossval(study, arguments.limit, say)
    if arguments.format == "json":
        print(json.dumps(plain(result), indent=1))
        return
    told = conclude(result, chosen.label_names())
    print(f"{result['meaning']}\n{told}\nAll numbers: {result_file(arguments.out, arguments.protocol)}")


def _publish(arguments: argparse.Namespace) -> None:
    from training.publish import publish

    made = publish(arguments.out, arguments.models, arguments.name)
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file()) / 2**20
    print(f"Published {made} ({size:.1f} MB).")
