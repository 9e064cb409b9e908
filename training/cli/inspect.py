"""A look at data before anything learns from it: `inspect`, `contact`, `probe`; and `figures`, at what came out."""

import argparse
import json
from pathlib import Path

from training.cli.options import MODELS, Commands
from training.data import dataset
from training.recipes import recipe


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    inspecting = commands.add_parser("inspect", help="report what is in a data set, and what gives its classes away")
    inspecting.add_argument("data", type=Path)
    inspecting.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    inspecting.set_defaults(run=_inspect)

    contact = commands.add_parser("contact", help="draw a contact sheet of what augmentations make of some pictures")
    contact.add_argument("recipes", nargs="*", metavar="RECIPE", help="one of each pipeline if none is named")
    contact.add_argument("--data", type=Path, required=True)
    contact.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    contact.add_argument("--pictures", type=int, default=2)
    contact.add_argument("--copies", type=int, default=7)
    contact.add_argument("--seed", type=int, default=0)
    contact.set_defaults(run=_contact)

    probe = commands.add_parser("probe", help="ask how much of the class a data set gives away without a cell in sight")
    probe.add_argument("--data", type=Path, required=True)
    probe.add_argument("--weights", type=Path, required=True, help="folder of ImageNet backbones")
    probe.add_argument("--format", choices=("text", "json", "csv"), default="text")
    probe.set_defaults(run=_probe)

    figures = commands.add_parser("figures", help="draw the plots of docs/what-the-numbers-mean.md")
    figures.add_argument("--results", type=Path, required=True, help="folder of the tables, docs/results")
    figures.add_argument("--bundle", type=Path, default=MODELS / "leukolens-field", help="whose report is drawn")
    figures.add_argument("--out", type=Path, required=True)
    figures.set_defaults(run=_figures)


def _inspect(arguments: argparse.Namespace) -> None:
    from training.data.inspection import inspect
    from training.reports.inspection_page import page

    found = inspect(dataset.load(arguments.data))
    text = page(found)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print("\n".join([*(f"- {one}" for one in found.warnings), f"Report: {arguments.out}"]))


def _contact(arguments: argparse.Namespace) -> None:
    from training.reports import contact_sheet

    names = arguments.recipes or [
        *("leukolens-field", "abed-simple-cnn", "murtoza-vgg16", "khan-xincept", "lubna-cml1"),
        *("bushi-basic-cnn", "bushi-alexnet"),
    ]
    recipes = [recipe.load(name) for name in names]
    data = dataset.load(arguments.data)
    made = contact_sheet.sheet(recipes, data, arguments.pictures, arguments.copies, arguments.seed)
    print(contact_sheet.write(made, arguments.out))


def _probe(arguments: argparse.Namespace) -> None:
    from training.evaluation.linear_probe import as_csv, probe, text

    result = probe(dataset.load(arguments.data), arguments.weights)
    if arguments.format == "json":
        print(json.dumps(result, indent=1))
        return
    print(text(result) if arguments.format == "text" else as_csv(result), end="")


def _figures(arguments: argparse.Namespace) -> None:
    from training.reports.plots import draw

    print("\n".join(str(file) for file in draw(arguments.results, arguments.bundle / "report", arguments.out)))
