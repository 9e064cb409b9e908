"""Recipes into bundles: `recipes`, `fit`, `crossval`, `publish`.

What trains is imported where it is asked for: TensorFlow takes seconds, and help or a slip of the pen should not.
"""

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.cli import options
from training.cli.options import FOLDER, PATH, PROTOCOLS, command, say
from training.recipes import loading

if TYPE_CHECKING:
    from training.evaluation.splits import Protocol
    from training.fit.run import Run
    from training.tracking import Tracking

PROMPTS = {
    "--name": "Name of the model, such as your-lab-field",
    "--attribution": "Attribution: whose pictures, trained by whom",
    "--licence": "Licence of the weights",
    "--known-failure": "A known failure, in a sentence",
}
FIRST_WEIGHTS = "folder of ImageNet backbones, or 'imagenet' to fetch them; without it training starts at random"


def run_options(function: options.Function) -> options.Function:
    """Give a command the options of which a `Run` is made; the function gets it as `run`."""

    @functools.wraps(function)
    def gathered(
        *,
        name: str,
        data: Path,
        out: Path,
        weights: str | None,
        network_cache: Path | None,
        changes: dict[str, str],
        tracking: "Tracking",
        **rest: Any,
    ) -> Any:
        from training.fit.run import Material, Run

        chosen = loading.load(name, changes)
        first = options.weights(weights)
        material = Material(chosen, options.loaded(data, chosen.scope))
        return function(run=Run(material, first, out, say, network_cache, tracking), **rest)

    return options.several(
        click.argument("name", metavar="RECIPE"),
        options.labelled_data("class folders, or a folder with manifest.csv"),
        click.option("--out", type=PATH, required=True, metavar="RUN", help="folder for everything that is made"),
        options.first_weights(FIRST_WEIGHTS),
        options.changes(),
        click.option(
            "--network-cache",
            type=PATH,
            help="folder of trained networks, for recipes that differ in their classifier only",
        ),
        options.tracking(),
    )(gathered)


@command("recipes", "list the recipes, or check them against what the published works describe")
@click.option(
    "--check", is_flag=True, help="what the works describe, and which entry of which recipe does it, or why not"
)
@click.option("--write", type=PATH, metavar="DOCUMENT", help="bring a document up to date with the recipes' headers")
def list_recipes(check: bool, write: Path | None) -> None:
    """List every recipe with its title."""
    from training.recipes import checklist, headers

    if write:
        headers.write(write)
        print(f"Up to date: {write}")
        return
    if check:
        print(checklist.text())
        return
    for name in loading.names():
        print(f"{name:26} {loading.load(name).title}")


@command("fit", "train a recipe on a data set; the result is a draft in RUN")
@run_options
def fit(run: "Run") -> None:
    """Write a draft bundle."""
    import numpy as np

    from training.evaluation.splits import may_be_learnt_from, refuse_thin, validation
    from training.fit.experiment import draft

    schedule, material = run.recipe.schedule, run.material
    everything = np.flatnonzero(may_be_learnt_from(run.dataset.sources, run.recipe.sources))
    refuse_thin([everything], material.targets, material.groups, run.dataset.classes)
    fit, held_out = everything, everything[:0]
    if schedule.validation_split:
        fit, held_out = validation(everything, material.targets, material.groups, "grouped", schedule.seed)
    print(f"Draft: {draft(run, fit, held_out)}. It has no results yet: run crossval with the same --out, then publish.")


@command("crossval", "measure a recipe on pictures that its networks had not seen")
@run_options
@click.option("--protocol", type=PROTOCOLS, required=True)
@options.folds()
@click.option("--limit", type=options.COUNT, help="run only the first so many folds")
@click.option(
    "--fold",
    "numbers",
    type=options.COUNT,
    multiple=True,
    metavar="N ...",
    help="run these folds only, counted from 1: processes may share the work. Without it they are gathered",
)
@options.ray()
@options.output("text", "json")
def crossval(
    run: "Run",
    protocol: "Protocol",
    folds: int,
    limit: int | None,
    numbers: tuple[int, ...],
    address: str | None,
    form: str,
) -> None:
    """Print the result of a cross-validation, or run some of its folds."""
    from training.evaluation import cross_validation
    from training.evaluation.conclusion import conclude
    from training.evaluation.metrics import public
    from training.reports import class_report

    scheme = cross_validation.Scheme(protocol, folds)
    if numbers and address:
        raise click.UsageError("--ray shares all folds, and --fold names some. Give one of them.")
    if numbers:
        for file in cross_validation.some_folds(run, scheme, [number - 1 for number in numbers]):
            print(f"Finished: {file.parent}. Give the command without --fold when all are, to gather them.")
        return
    result = cross_validation.crossval(run, scheme, limit, address)
    if form == "json":
        print(json.dumps(public(result), indent=1))
        return
    paragraph = conclude(
        result, run.recipe.label_names(), result.colours, None, result.groups_from, result.laboratories
    )
    file = cross_validation.result_file(run.folder, protocol)
    report = class_report.text(result, run.recipe.label_names())
    print(f"{result.meaning}\n{paragraph}\n\n{report}\n\nAll numbers: {file}")


@command("publish", "put a run's draft, with its results, into models/")
@click.argument("run", metavar="RUN", type=FOLDER)
@options.bundle_name("publish under another name than the recipe's")
@click.option("--attribution", default="", help="whose pictures it learnt from, and by whom it was trained")
@click.option("--licence", default="", help="of the weights")
@click.option("--known-failure", "failures", multiple=True, metavar="SENTENCE ...", help="what it is known to do wrong")
@click.option("--second-opinion", is_flag=True, help="publish it although it does not reach the floors")
@options.models()
def publish(
    run: Path, name: str, attribution: str, licence: str, failures: tuple[str, ...], second_opinion: bool, models: Path
) -> None:
    """Publish a run. Trained on data of your own it needs a name, attribution, licence and known failures of yours."""
    from training.publish import Publisher, publish, unsigned

    publisher = Publisher(name, attribution, licence, failures, second_opinion)
    missing = unsigned(run, publisher)
    if missing and sys.stdin.isatty():
        say("This model was trained on data of your own. Its card needs your own words:")
        answers = {option: click.prompt(PROMPTS[option]).strip() for option in missing}
        publisher = Publisher(
            options.named(answers.get("--name", name)),
            answers.get("--attribution", attribution),
            answers.get("--licence", licence),
            (answers["--known-failure"],) if "--known-failure" in answers else failures,
            second_opinion,
        )
    folder = publish(run, models, publisher)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    print(f"Published {folder} ({size:.1f} MB).")


@command("recalibrate", "measure a published bundle's refusal anew, and publish it as another version")
@click.argument("name")
@options.labelled_data("what the bundle was trained on")
@click.option("--version", required=True, help="of the bundle from now on")
@options.models()
def recalibrate(name: str, data: Path, version: str, models: Path) -> None:
    """Renew the bundle NAME of models/: its network stays."""
    from training.recalibration import recalibrate

    folder = recalibrate(models / name, options.loaded(data), models, version)
    print(f"Published {folder}, version {version}.")


@command("graph", "write the graph that serves a published bundle where there is no GPU")
@click.argument("name")
@options.models()
def graph(name: str, models: Path) -> None:
    """Write it for the bundle NAME of models/: what it answers stays the same."""
    from training.serving_graph import add_graph

    print(f"Written into {add_graph(models / name)}.")


COMMANDS = (list_recipes, fit, crossval, publish, recalibrate, graph)
