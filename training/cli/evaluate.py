"""What recipes and bundles are worth: `compare`, `evaluate`, `ood` and `stress`."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.cli import options
from training.cli.options import FOLDER, MODELS, PATH, PROTOCOLS, command, say
from training.data import dataset
from training.recipes import loading

if TYPE_CHECKING:
    from smear.inference.field_reader import Reader
    from training.evaluation.conclusion import Earlier
    from training.evaluation.splits import Protocol


@command("compare", "cross-validate many recipes and line up what they give")
@click.argument("names", metavar="[RECIPE]...", nargs=-1)
@options.labelled_data()
@click.option("--out", type=PATH, required=True, help="folder for everything; a killed run goes on there")
@options.first_weights("as for fit")
@options.changes()
@click.option("--protocols", type=PROTOCOLS, multiple=True, default=("random", "grouped"))
@click.option("--folds", type=int, default=5)
@click.option("--limit", type=options.COUNT, help="run only the first so many folds of each; the table says so")
@click.option("--pictures", type=options.COUNT, help="draw so many pictures of the data; the table says so")
@click.option("--epochs", type=options.COUNT, help="train for at most so many epochs; the table says so")
@click.option("--active", default="leukolens-field", help="the published bundle to compare with")
@options.models()
@options.ray()
def compare(
    names: tuple[str, ...],
    data: Path,
    out: Path,
    weights: str | None,
    changes: dict[str, str],
    protocols: "tuple[Protocol, ...]",
    folds: int,
    limit: int | None,
    pictures: int | None,
    epochs: int | None,
    active: str,
    models: Path,
    address: str | None,
) -> None:
    """Compare recipes; all of them if none is named."""
    from training import csv_table
    from training.evaluation.comparison import NETWORK_CACHE, Plan, compare, strictest
    from training.fit.run import Material, Run
    from training.reports import comparison_page

    recipes = [loading.load(name, changes) for name in names or loading.names()]
    drawn = options.loaded(data, "field" if any(recipe.scope == "field" for recipe in recipes) else "cell")
    drawn = drawn.drawn(pictures) if pictures is not None else drawn
    plan = Plan(protocols, folds, limit, epochs, address)
    out.mkdir(parents=True, exist_ok=True)
    first = options.weights(weights)
    runs = [Run(Material(chosen, drawn), first, out / chosen.name, say, out / NETWORK_CACHE) for chosen in recipes]
    rows = compare(runs, plan)
    shown = {None: "", "imagenet": " --weights imagenet"}.get(weights, " --weights WEIGHTS")
    shortenings = {"limit": limit, "pictures": pictures, "epochs": epochs}
    # Without anybody's folders: the command that gives this table again.
    set_ = [f"{entry}={value}" for entry, value in changes.items()]
    again = " ".join(
        [
            f"python -m training compare {' '.join(chosen.name for chosen in recipes)} --data DATA{shown} --out RUN",
            f"--protocols {' '.join(protocols)} --folds {folds}",
            *(f"--{key} {value}" for key, value in shortenings.items() if value),
            *(["--set", *set_] if set_ else []),
        ]
    )
    paragraph = comparison_page.conclusion(rows, plan, _recorded(models / active, drawn, strictest(rows, plan)))
    table = comparison_page.columns(rows, plan)
    (out / "compare.csv").write_text(csv_table.as_csv(table, again), encoding="utf-8")
    (out / "compare.html").write_text(comparison_page.as_html(rows, plan, again, paragraph), encoding="utf-8")
    print(f"{comparison_page.text(table)}\n\n{paragraph}\nAll numbers: {out / 'compare.csv'} and compare.html")


def _recorded(folder: Path, data: dataset.Dataset, protocol: "Protocol") -> "Earlier | None":
    """Return a published bundle, where its card has a result on this very data by this protocol."""
    from training.evaluation.conclusion import recorded
    from training.publish import published

    card = published(folder)
    return recorded(card, data.fingerprint, protocol) if card else None


@command("evaluate", "judge a published bundle, with all controls, on a data set")
@click.argument("bundle")
@options.labelled_data()
@click.option("--against", help="another bundle, such as the active one, to judge on the same pictures")
@click.option("--pictures", type=options.COUNT, help="draw so many pictures of the data")
@click.option("--controls", multiple=True, metavar="NAME ...|none", help="those to ask as well; all without it")
@click.option("--out", type=PATH, help="folder for predictions.csv: what it said of every picture")
@options.ray()
@options.output("text", "json")
def evaluate(
    bundle: str,
    data: Path,
    against: str | None,
    pictures: int | None,
    controls: tuple[str, ...],
    out: Path | None,
    address: str | None,
    form: str,
) -> None:
    """Print how good a bundle (a name in models/, or a bundle's folder) is on a data set."""
    import msgspec
    import numpy as np

    from training.data.ablations import ABLATIONS
    from training.evaluation.assessment import assess, write_predictions
    from training.evaluation.conclusion import Earlier, conclude, percent
    from training.reports import class_report, errors_page

    unknown = set(controls) - {"none", *ABLATIONS}
    if unknown:
        raise click.BadParameter(
            f"'{min(unknown)}' is none. Known: none, {', '.join(ABLATIONS)}.", param_hint="--controls"
        )
    ablations = [name for name in controls or ABLATIONS if name != "none"]
    whole = options.loaded(data)
    loaded = whole.drawn(pictures) if pictures is not None else whole
    reader = _reader(bundle, whole, loaded)
    loaded = loaded.merged(reader.card.recipe.get("merge", {}))
    result = assess(reader, loaded, ablations, partial(_readers, _folder(bundle)), address)
    if out:
        page = errors_page.write(out, loaded, result.predictions, reader.card)
        say(f"Every picture: {write_predictions(out, loaded, result.predictions, reader)}. The worst errors: {page}")
    earlier = None
    if against:
        reference = _reader(against, whole, loaded)
        other = assess(reference, loaded, (), partial(_readers, _folder(against)), address)
        named = f"{reference.card.name} {reference.card.version}"
        if other.metrics and np.array_equal(other.known, result.known):
            earlier = Earlier(named, other.metrics.accuracy_all, result.gain_over(other))
        else:
            say(f"Not compared with {named}: the two do not know the labels of the same pictures.")
    if form == "json":
        compared = {"against": msgspec.to_builtins(earlier)} if earlier else {}
        print(json.dumps(result.to_json() | compared, indent=1))
        return
    if result.metrics:
        names = {label.id: label.name for label in reader.card.labels}
        print(conclude(result.metrics, names, earlier=earlier, groups_from=loaded.groups_from))
        print(f"\n{class_report.text(result.metrics, names)}\n")
    if result.refused:
        others = f"{result.refused.total} pictures whose label it does not have"
        print(f"Of {others} it refuses {percent(result.refused.value)}.")


@command("ood", "measure what a cross-validated run refuses of other pictures")
@click.argument("run", metavar="RUN", type=FOLDER)
@options.labelled_data("what the run was made of")
@click.option(
    "--others",
    type=FOLDER,
    multiple=True,
    required=True,
    metavar="DATA ...",
    help="data sets that are not its business",
)
@click.option("--each", type=options.COUNT, default=100, help="pictures of each class at most")
def ood(run: Path, data: Path, others: tuple[Path, ...], each: int) -> None:
    """Print a table of what is refused; RUN is a folder that crossval wrote, by groups."""
    from training.evaluation.ood_benchmark import as_csv, compare

    sets = {folder.name: options.loaded(folder) for folder in others}
    rows = compare(run, options.loaded(data), sets, each)
    names = " ".join(folder.name.upper() for folder in others)
    print(as_csv(rows, f"python -m training ood RUN --data DATA --others {names} --each {each}"), end="")


@command("stress", "read pictures as other cameras, programs and colour spaces would have left them")
@click.argument("bundle")
@options.labelled_data("pictures of its own kind")
@click.option(
    "--others", type=FOLDER, multiple=True, default=(), metavar="DATA ...", help="data sets that are not its business"
)
@click.option("--pictures", type=options.COUNT, help="draw at most so many of its own kind, and of each other set")
@options.ray()
def stress(bundle: str, data: Path, others: tuple[Path, ...], pictures: int | None, address: str | None) -> None:
    """Print what a bundle says of every rendering: a name in models/, a bundle's folder, or a run of crossval.

    Of a run the folds' networks read the pictures that they have not seen, and the result is kept there for publish.
    """
    from smear.artifacts import CARD
    from training.evaluation import stress as renderings

    own, sets = options.loaded(data), {folder.name: options.loaded(folder) for folder in others}
    run = Path(bundle).resolve()
    of_a_run = run.is_dir() and not (run / CARD).is_file()
    asked = renderings.of_run(run, own) if of_a_run else renderings.of_bundle(_folder(bundle), own)
    result = renderings.stress(asked, own, sets, pictures, address)
    if of_a_run:
        renderings.write(run, result)
    again = f"python -m training stress {'RUN' if of_a_run else asked.readers[0].card.name} --data DATA"
    again += f" --others {' '.join(name.upper() for name in sets)}" if sets else ""
    print(renderings.as_csv(result, again + (f" --pictures {pictures}" if pictures else "")), end="")


def _folder(name: str) -> Path:
    """Return the folder of a bundle: a name in models/, or the folder itself."""
    from smear.artifacts import CARD

    return (Path(name) if Path(name, CARD).is_file() else MODELS / name).resolve()


def _readers(folder: Path) -> "list[Reader]":
    """Return the one reader of a bundle, in whichever process."""
    from smear.inference import bundle
    from smear.inference.field_reader import Reader

    return [Reader(bundle.load(folder))]


def _reader(name: str, *data: dataset.Dataset) -> "Reader":
    """Return the reader of a bundle (a name in models/, or a folder), and say where it knows the data too well.

    data: the data set that is read, and the one that it was drawn from.
    """
    (reader,) = _readers(_folder(name))
    if reader.card.data.get("fingerprint") in {each.fingerprint for each in data}:
        say(f"Beware: {reader.card.name} was trained on this very data. What follows is no measure of how good it is.")
    return reader


COMMANDS = (compare, evaluate, ood, stress)
