"""What bundles and runs are worth: `evaluate`, `ood` and `stress`."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.cli import options
from training.cli.known_data import beware
from training.cli.options import FOLDER, MODELS, PATH, command, say
from training.data import dataset
from training.data.manifest import DataError

if TYPE_CHECKING:
    from smear.inference.field_reader import Reader


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
    whole = options.loaded(data, least=1)
    loaded = whole.drawn(pictures) if pictures is not None else whole
    reader = _reader(bundle, loaded, whole)
    loaded = loaded.merged(reader.card.recipe.get("merge", {}), least=1)
    if out:
        out.mkdir(parents=True, exist_ok=True)  # before an hour of reading, not after it
    result = assess(reader, loaded, ablations, partial(_readers, _folder(bundle)), address)
    if out:
        page = errors_page.write(out, loaded, result.predictions, reader.card)
        say(f"Every picture: {write_predictions(out, loaded, result.predictions, reader)}. The worst errors: {page}")
    earlier = None
    if against:
        reference = _reader(against, loaded, whole)
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

    own = options.loaded(data)
    sets = _others(others, own)
    rows = compare(run, own, sets, each)
    names = " ".join(name.upper() for name in sets)
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

    own = options.loaded(data, least=1)
    sets = _others(others, own)
    run = Path(bundle).resolve()
    of_a_run = run.is_dir() and not (run / CARD).is_file()
    asked = renderings.of_run(run, own) if of_a_run else renderings.of_bundle(_folder(bundle), own)
    if not of_a_run:
        beware(_folder(bundle), asked.readers[0].card, own)
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


def _others(folders: tuple[Path, ...], own: dataset.Dataset) -> dict[str, dataset.Dataset]:
    """Return the data sets that are none of a bundle's business by the names of their folders.

    DataError where two folders have one name, and where one holds the very pictures that are its business.
    """
    sets: dict[str, dataset.Dataset] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in sets:
            raise DataError(f"Two folders after --others are called '{name}', and a table cannot tell them apart.")
        sets[name] = options.loaded(folder, least=1)
        if sets[name].fingerprint == own.fingerprint:
            raise DataError(f"{folder} is the data of --data itself. Give data sets of something else after --others.")
    return sets


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
    beware(_folder(name), reader.card, *data)
    return reader


COMMANDS = (evaluate, ood, stress)
