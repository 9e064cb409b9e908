"""The command line: `python -m training recipes | inspect | fit | crossval | compare | contact | evaluate |
finder | segmentation | atlas | probe | publish`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before Keras is imported anywhere below: training is neutral, serving and so evaluation are TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from training import dataset, recipe

if TYPE_CHECKING:
    from smear.arrays import Array
    from smear.reader import Reader
    from training.architectures.order import Weights
    from training.comparison import Plan

MODELS = Path(__file__).resolve().parents[1] / "models"
PROTOCOLS = ("random", "grouped", "source", "as-published")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("recipes", help="list the recipes").set_defaults(run=_recipes)

    inspecting = commands.add_parser("inspect", help="report what is in a data set, and what gives its classes away")
    inspecting.add_argument("data", type=Path)
    inspecting.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    inspecting.set_defaults(run=_inspect)

    fit = commands.add_parser("fit", help="train a recipe on a data set; the result is a draft in RUN")
    cross = commands.add_parser("crossval", help="measure a recipe on pictures that its networks had not seen")
    for one in (fit, cross):
        one.add_argument("recipe", help="a name that `recipes` lists, or a TOML file")
        one.add_argument("--data", type=Path, required=True, help="class folders, or a folder with manifest.csv")
        one.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder for everything that is made")
        _first_weights(one)
    fit.set_defaults(run=_fit)
    cross.add_argument("--protocol", choices=PROTOCOLS, required=True)
    cross.add_argument("--folds", type=int, default=5)
    cross.add_argument("--limit", type=int, help="run only the first so many folds")
    cross.add_argument("--format", choices=("text", "json"), default="text")
    cross.set_defaults(run=_crossval)

    comparing = commands.add_parser("compare", help="cross-validate many recipes and line up what they give")
    comparing.add_argument("recipes", nargs="*", metavar="RECIPE", help="all of them if none is named")
    comparing.add_argument("--data", type=Path, required=True)
    comparing.add_argument("--out", type=Path, required=True, help="folder for everything; a killed run goes on there")
    comparing.add_argument("--weights", help="as for fit")
    comparing.add_argument("--protocols", nargs="+", default=["random", "grouped"], choices=PROTOCOLS)
    comparing.add_argument("--folds", type=int, default=5)
    comparing.add_argument("--limit", type=int, help="run only the first so many folds of each; the table says so")
    comparing.add_argument("--epochs", type=int, help="train for at most so many epochs; the table says so")
    comparing.add_argument("--active", default="leukolens-field", help="the published bundle to compare with")
    comparing.add_argument("--models", type=Path, default=MODELS)
    comparing.set_defaults(run=_compare)

    contact = commands.add_parser("contact", help="draw a contact sheet of what augmentations make of some pictures")
    contact.add_argument("recipes", nargs="*", metavar="RECIPE", help="one of each pipeline if none is named")
    contact.add_argument("--data", type=Path, required=True)
    contact.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    contact.add_argument("--pictures", type=int, default=2)
    contact.add_argument("--copies", type=int, default=7)
    contact.add_argument("--seed", type=int, default=0)
    contact.set_defaults(run=_contact)

    evaluate = commands.add_parser("evaluate", help="judge a published bundle, with all controls, on a data set")
    evaluate.add_argument("bundle", help="a name in models/, or a bundle's folder")
    evaluate.add_argument("--data", type=Path, required=True)
    evaluate.add_argument("--against", help="another bundle, such as the active one, to judge on the same pictures")
    evaluate.add_argument("--format", choices=("text", "json"), default="text")
    evaluate.set_defaults(run=_evaluate)

    finder = commands.add_parser("finder", help="teach, measure and publish the network that finds leukocytes")
    finder.add_argument("--fields", type=Path, required=True, help="fields for the thresholds to label (Taleghani)")
    finder.add_argument("--cells", type=Path, required=True, help="single cells in their middle, by class (PBC)")
    finder.add_argument("--masked", type=Path, required=True, help="sets to measure it on, as for `segmentation`")
    finder.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder that a killed run goes on from")
    finder.add_argument("--epochs", type=int, help="to try it out in less than the full time")
    finder.add_argument("--models", type=Path, default=MODELS)
    finder.set_defaults(run=_finder)

    segmentation = commands.add_parser("segmentation", help="measure how well leukocytes are found, where masks exist")
    segmentation.add_argument("--data", type=Path, required=True, help="a folder with images/ and masks/, or of such")
    segmentation.add_argument("--format", choices=("text", "json"), default="text")
    segmentation.add_argument("--out", type=Path, metavar="DIR", help="folder for results.json and worst.html")
    segmentation.set_defaults(run=_segmentation)

    atlas = commands.add_parser("atlas", help="draw what is found in some pictures of each set, without the pictures")
    atlas.add_argument("--data", type=Path, required=True, nargs="+", metavar="DIR", help="labelled or masked sets")
    atlas.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder for one SVG for each set")
    atlas.add_argument("--seed", type=int, default=0, help="which pictures are picked")
    atlas.set_defaults(run=_atlas)

    probe = commands.add_parser("probe", help="ask how much of the class a data set gives away without a cell in sight")
    probe.add_argument("--data", type=Path, required=True)
    probe.add_argument("--weights", type=Path, required=True, help="folder of ImageNet backbones")
    probe.add_argument("--format", choices=("text", "json"), default="text")
    probe.set_defaults(run=_probe)

    publish = commands.add_parser("publish", help="put a run's draft, with its results, into models/")
    publish.add_argument("out", type=Path, metavar="RUN")
    publish.add_argument("--name", help="publish under another name than the recipe's")
    publish.add_argument("--models", type=Path, default=MODELS)
    publish.set_defaults(run=_publish)
    return main


def _first_weights(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--weights",
        help="folder of ImageNet backbones, or 'imagenet' to fetch them; without it training starts at random",
    )
    command.add_argument(
        "--networks", type=Path, help="folder of trained networks, for recipes that differ in their classifier only"
    )


def _weights(arguments: argparse.Namespace) -> "Weights":
    """Return where first weights come from; what each network got is said when it is built."""
    if arguments.weights is None:
        _say("No --weights: the network starts from random weights and will need far more pictures.")
        return None
    return "imagenet" if arguments.weights == "imagenet" else Path(arguments.weights)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _recipes(_: argparse.Namespace) -> None:
    for name in recipe.names():
        print(f"{name:26} {recipe.load(name).title}")


def _inspect(arguments: argparse.Namespace) -> None:
    from training.inspection import inspect
    from training.inspection_page import page

    found = inspect(dataset.load(arguments.data))
    text = page(found)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print("\n".join([*(f"- {one}" for one in found.warnings), f"Report: {arguments.out}"]))


def _fit(arguments: argparse.Namespace) -> None:
    import numpy as np

    from training.experiment import draft, gather
    from training.splits import validation

    chosen = recipe.load(arguments.recipe)
    weights = _weights(arguments)
    material = gather(chosen, dataset.load(arguments.data))
    everything = np.arange(len(material.dataset))
    parts = validation(everything, material.targets, material.groups, "grouped", chosen.schedule.seed)
    made = draft(chosen, material, parts, weights, arguments.out, _say, arguments.networks)
    print(f"Draft: {made}. It has no results yet: run crossval with the same --out, then publish.")


def _crossval(arguments: argparse.Namespace) -> None:
    from training.crossval import crossval, result_file
    from training.metrics import plain
    from training.verdict import verdict

    chosen = recipe.load(arguments.recipe)
    result = crossval(
        chosen,
        dataset.load(arguments.data),
        _weights(arguments),
        arguments.protocol,
        arguments.out,
        arguments.folds,
        arguments.limit,
        _say,
        arguments.networks,
    )
    if arguments.format == "json":
        print(json.dumps(plain(result), indent=1))
        return
    print(f"{result['meaning']}\n{verdict(result)}\nAll numbers: {result_file(arguments.out, arguments.protocol)}")


def _compare(arguments: argparse.Namespace) -> None:
    from training import tables
    from training.comparison import Plan, compare

    recipes = [recipe.load(name) for name in arguments.recipes or recipe.names()]
    data = dataset.load(arguments.data)
    plan = Plan(tuple(arguments.protocols), arguments.folds, arguments.limit, arguments.epochs)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = compare(recipes, data, _weights(arguments), plan, arguments.out, _say)
    command = _command(arguments, recipes)
    paragraph = tables.verdict(rows, plan, _measured(arguments.models / arguments.active, data, plan))
    table = tables.columns(rows, plan)
    (arguments.out / "compare.csv").write_text(tables.as_csv(table, command), encoding="utf-8")
    (arguments.out / "compare.html").write_text(tables.as_html(rows, plan, command, paragraph), encoding="utf-8")
    print(f"{tables.text(table)}\n\n{paragraph}\nAll numbers: {arguments.out / 'compare.csv'} and compare.html")


def _command(arguments: argparse.Namespace, recipes: "list[recipe.Recipe]") -> str:
    """Return the command that gives this table again, without anybody's folders."""
    options = [f"--protocols {' '.join(arguments.protocols)}", f"--folds {arguments.folds}"]
    options += [f"--{key} {getattr(arguments, key)}" for key in ("limit", "epochs") if getattr(arguments, key)]
    weights = {None: "", "imagenet": " --weights imagenet"}.get(arguments.weights, " --weights WEIGHTS")
    names = " ".join(one.name for one in recipes)
    return f"python -m training compare {names} --data DATA{weights} --out RUN {' '.join(options)}"


def _measured(folder: Path, data: "dataset.Dataset", plan: "Plan") -> "tuple[str, dict[str, Any]] | None":
    """Return name and result of a published bundle, where its card has one on this very data by the same protocol."""
    from smear import bundle
    from training.comparison import strictest

    try:
        card = bundle.read_card(folder)
    except bundle.BundleError:
        return None
    result = card.metrics.get(strictest(plan))
    same = card.data.get("fingerprint") == data.fingerprint
    return (f"{card.name} {card.version}", result) if same and isinstance(result, dict) else None


def _contact(arguments: argparse.Namespace) -> None:
    from training import contact

    names = arguments.recipes or [
        *("leukolens-field", "abed-simple-cnn", "murtoza-vgg16", "khan-xincept", "lubna-cml1"),
        *("bushi-basic-cnn", "bushi-alexnet"),
    ]
    recipes = [recipe.load(name) for name in names]
    data = dataset.load(arguments.data)
    made = contact.sheet(recipes, data, arguments.pictures, arguments.copies, arguments.seed)
    print(contact.write(made, arguments.out))


def _evaluate(arguments: argparse.Namespace) -> None:
    import numpy as np

    from training.judging import control, judge_controls
    from training.metrics import plain
    from training.verdict import verdict

    data = dataset.load(arguments.data)
    everything = np.arange(len(data))
    reader, targets, result = _judged(arguments.bundle, data)
    controls = judge_controls(reader, data, everything)
    result["controls"] = {name: control(one, targets) for name, one in controls.items()}
    if arguments.format == "json":
        print(json.dumps(plain(result), indent=1))
        return
    print(verdict(result, _judged(arguments.against, data)[2] if arguments.against else None))


def _judged(name: str, data: "dataset.Dataset") -> "tuple[Reader, Array, dict[str, Any]]":
    """Return the reader of a bundle (a name in models/, or a folder), its targets and its metrics on a data set."""
    import numpy as np

    from smear import bundle
    from smear.reader import Reader
    from training.judging import judge, measured

    reader = Reader(bundle.load(Path(name) if Path(name, bundle.CARD).is_file() else MODELS / name))
    targets = data.targets(tuple(label.id for label in reader.card.labels))
    if data.fingerprint == reader.card.data.get("fingerprint"):
        _say(f"Beware: {reader.card.name} was trained on this very data. What follows is no measure of how good it is.")
    return reader, targets, measured(judge(reader, data, np.arange(len(data)), task="pictures"), targets, reader)


def _finder(arguments: argparse.Namespace) -> None:
    from smear.segmenter import FOLDER, Segmenter
    from training import segmentation
    from training.architectures import unet
    from training.experiment import commit
    from training.masks import fitting, publishing

    schedule = fitting.Schedule(**({"epochs": arguments.epochs} if arguments.epochs else {}))
    segmentation.make(arguments.out)
    lessons = fitting.gather(arguments.fields, arguments.cells)
    model = unet.folded(fitting.fit(lessons, schedule, arguments.out, _say))
    results, _ = segmentation.measure(arguments.masked, network=Segmenter(publishing.exported(model)))
    described = publishing.card(lessons, schedule, commit(), results)
    print(segmentation.table(results))
    print(f"Published {publishing.write(arguments.models / FOLDER.name, model, described)}.")


def _segmentation(arguments: argparse.Namespace) -> None:
    from training import outlines, segmentation

    if arguments.out is not None:
        segmentation.make(arguments.out)
    results, pictures = segmentation.measure(arguments.data)
    if arguments.out is not None:
        segmentation.write(results, arguments.out)
        outlines.write(pictures, arguments.out / "worst.html")
    print(json.dumps(results, indent=1) if arguments.format == "json" else segmentation.table(results))


def _atlas(arguments: argparse.Namespace) -> None:
    from training.atlas import draw, folders

    for folder in (one for root in arguments.data for one in folders(root)):
        print(draw(folder, arguments.out, arguments.seed))


def _probe(arguments: argparse.Namespace) -> None:
    from training.probe import probe, text

    result = probe(dataset.load(arguments.data), arguments.weights)
    print(json.dumps(result, indent=1) if arguments.format == "json" else text(result))


def _publish(arguments: argparse.Namespace) -> None:
    from training.publish import publish

    made = publish(arguments.out, arguments.models, arguments.name)
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file()) / 2**20
    print(f"Published {made} ({size:.1f} MB).")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when it did what was asked, 1 with one sentence on standard error when it could not."""
    from smear.bundle import BundleError
    from smear.preprocess import UnknownStepError
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
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Stopped. Run the same command again: it goes on after the last whole epoch.")
        return 1
    except OSError as error:
        _say(f"{error.strerror or error}. Nothing was published.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
