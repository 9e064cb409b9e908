"""What recipes and bundles are worth: `compare`, `evaluate` and `novelty`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.cli.options import MODELS, PROTOCOLS, Commands, say, weights
from training.data import dataset
from training.recipes import recipe

if TYPE_CHECKING:
    from smear.arrays import Array
    from smear.inference.field_reader import Reader


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    comparing = commands.add_parser("compare", help="cross-validate many recipes and line up what they give")
    comparing.add_argument("recipes", nargs="*", metavar="RECIPE", help="all of them if none is named")
    comparing.add_argument("--data", type=Path, required=True)
    comparing.add_argument("--out", type=Path, required=True, help="folder for everything; a killed run goes on there")
    comparing.add_argument("--weights", help="as for fit")
    comparing.add_argument("--protocols", nargs="+", default=["random", "grouped"], choices=PROTOCOLS)
    comparing.add_argument("--folds", type=int, default=5)
    comparing.add_argument("--limit", type=int, help="run only the first so many folds of each; the table says so")
    comparing.add_argument("--pictures", type=int, help="draw so many pictures of the data; the table says so")
    comparing.add_argument("--epochs", type=int, help="train for at most so many epochs; the table says so")
    comparing.add_argument("--active", default="leukolens-field", help="the published bundle to compare with")
    comparing.add_argument("--models", type=Path, default=MODELS)
    comparing.set_defaults(run=_compare)

    evaluate = commands.add_parser("evaluate", help="judge a published bundle, with all controls, on a data set")
    evaluate.add_argument("bundle", help="a name in models/, or a bundle's folder")
    evaluate.add_argument("--data", type=Path, required=True)
    evaluate.add_argument("--against", help="another bundle, such as the active one, to judge on the same pictures")
    evaluate.add_argument("--format", choices=("text", "json"), default="text")
    evaluate.set_defaults(run=_evaluate)

    novelty = commands.add_parser("novelty", help="measure what a cross-validated run refuses of other pictures")
    novelty.add_argument("cross_validated", type=Path, metavar="RUN", help="folder that crossval wrote, by groups")
    novelty.add_argument("--data", type=Path, required=True, help="what the run was made of")
    novelty.add_argument("--others", type=Path, nargs="+", required=True, help="data sets that are not its business")
    novelty.add_argument("--each", type=int, default=100, help="pictures of each class at most")
    novelty.set_defaults(run=_novelty)


def _compare(arguments: argparse.Namespace) -> None:
    from training import csv_table
    from training.evaluation.comparison import Plan, compare, strictest
    from training.reports import comparison_page

    recipes = [recipe.load(name) for name in arguments.recipes or recipe.names()]
    data = dataset.load(arguments.data)
    data = data.drawn(arguments.pictures) if arguments.pictures is not None else data
    plan = Plan(tuple(arguments.protocols), arguments.folds, arguments.limit, arguments.epochs)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = compare(recipes, data, weights(arguments), plan, arguments.out, say)
    command = _command(arguments, recipes)
    paragraph = comparison_page.conclusion(
        rows, plan, _measured(arguments.models / arguments.active, data, strictest(rows, plan))
    )
    table = comparison_page.columns(rows, plan)
    (arguments.out / "compare.csv").write_text(csv_table.as_csv(table, command), encoding="utf-8")
    (arguments.out / "compare.html").write_text(
        comparison_page.as_html(rows, plan, command, paragraph), encoding="utf-8"
    )
    print(
        f"{comparison_page.text(table)}\n\n{paragraph}\nAll numbers: {arguments.out / 'compare.csv'} and compare.html"
    )


def _command(arguments: argparse.Namespace, recipes: "list[recipe.Recipe]") -> str:
    """Return the command that gives this table again, without anybody's folders."""
    options = [f"--protocols {' '.join(arguments.protocols)}", f"--folds {arguments.folds}"]
    options += [
        f"--{key} {getattr(arguments, key)}" for key in ("limit", "pictures", "epochs") if getattr(arguments, key)
    ]
    weights = {None: "", "imagenet": " --weights imagenet"}.get(arguments.weights, " --weights WEIGHTS")
    names = " ".join(one.name for one in recipes)
    return f"python -m training compare {names} --data DATA{weights} --out RUN {' '.join(options)}"


def _measured(folder: Path, data: "dataset.Dataset", protocol: str) -> "tuple[str, dict[str, Any]] | None":
    """Return name and result of a published bundle, where its card has one on this very data by this protocol."""
    from training.evaluation.conclusion import recorded
    from training.publish import published

    card = published(folder)
    return recorded(card, data.fingerprint, protocol) if card else None


def _evaluate(arguments: argparse.Namespace) -> None:
    import numpy as np

    from training.evaluation.conclusion import conclude
    from training.evaluation.metrics import plain
    from training.evaluation.predictions import ablation_result, predict_ablations

    data = dataset.load(arguments.data)
    everything = np.arange(len(data))
    reader, targets, result = _judged(arguments.bundle, data)
    controls = predict_ablations(reader, data, everything)
    result["controls"] = {name: ablation_result(one, targets) for name, one in controls.items()}
    if arguments.format == "json":
        print(json.dumps(plain(result), indent=1))
        return
    earlier = None
    if arguments.against:
        other, _, theirs = _judged(arguments.against, data)
        earlier = f"{other.card.name} {other.card.version}", theirs
    print(conclude(result, {label.id: label.name for label in reader.card.labels}, earlier))


def _novelty(arguments: argparse.Namespace) -> None:
    from training.evaluation.ood_benchmark import as_csv, compare

    others = {folder.name: dataset.load(folder) for folder in arguments.others}
    rows = compare(arguments.cross_validated, dataset.load(arguments.data), others, arguments.each)
    names = " ".join(folder.name.upper() for folder in arguments.others)
    command = f"python -m training novelty RUN --data DATA --others {names} --each {arguments.each}"
    print(as_csv(rows, command), end="")


def _judged(name: str, data: "dataset.Dataset") -> "tuple[Reader, Array, dict[str, Any]]":
    """Return the reader of a bundle (a name in models/, or a folder), its targets and its metrics on a data set."""
    import numpy as np

    from smear.inference import bundle
    from smear.inference.field_reader import Reader
    from training.evaluation.predictions import measured, predict

    reader = Reader(bundle.load(Path(name) if Path(name, bundle.CARD).is_file() else MODELS / name))
    targets = data.targets(tuple(label.id for label in reader.card.labels))
    if data.fingerprint == reader.card.data.get("fingerprint"):
        say(f"Beware: {reader.card.name} was trained on this very data. What follows is no measure of how good it is.")
    return reader, targets, measured(predict(reader, data, np.arange(len(data)), task="pictures"), targets, reader)
