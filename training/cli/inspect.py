"""A look at data before anything learns from it: `inspect`, `contact`, `probe`; and `figures`, at what came out."""

import json
from pathlib import Path

import click

from training.cli import options
from training.cli.options import FOLDER, MODELS, PATH, command, say
from training.recipes import loading

ONE_OF_EACH_PIPELINE = (
    *("leukolens-field", "abed-simple-cnn", "murtoza-vgg16", "khan-xincept", "lubna-cml1"),
    *("bushi-basic-cnn", "bushi-alexnet"),
)


@command("inspect", "report what is in a data set, and what gives its classes away")
@click.argument("data", metavar="DATA", type=FOLDER)
@options.strict()
@click.option("--out", type=PATH, required=True, metavar="FILE.html")
def inspect(data: Path, out: Path) -> None:
    """Write the report and print its warnings."""
    from training.data.inspection import inspect
    from training.reports.inspection_page import page

    inspection = inspect(options.loaded(data))
    text = page(inspection)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print("\n".join([*(f"- {warning}" for warning in inspection.warnings), f"Report: {out}"]))


@command("gather", "put single cells of many laboratories into one folder, with a manifest")
@options.data("folder that holds the data sets")
@click.option("--out", type=PATH, required=True, metavar="FOLDER", help="folder that is made; it has to be empty")
@click.option("--plan", type=PATH, help="TOML file that says what; else training/data/gathering.toml")
def gather(data: Path, out: Path, plan: Path | None) -> None:
    """Gather the cells and print how many there are of each laboratory."""
    from collections import Counter

    from training.data import gathering

    rows = gathering.gather(gathering.read_plan(plan or gathering.PLAN), data, out, say)
    for source, count in sorted(Counter(row.source for row in rows).items()):
        print(f"{source:16} {count}")


@command("contact", "draw a contact sheet of what augmentations make of some pictures")
@click.argument("names", metavar="[RECIPE]...", nargs=-1)
@options.labelled_data()
@click.option("--out", type=PATH, required=True, metavar="FILE.png")
@click.option("--pictures", type=options.COUNT, default=2)
@click.option("--copies", type=options.COUNT, default=7)
@click.option("--seed", type=options.SEED, default=0)
def contact(names: tuple[str, ...], data: Path, out: Path, pictures: int, copies: int, seed: int) -> None:
    """Draw the sheet for these recipes; for one of each pipeline if none is named."""
    from training.reports import contact_sheet

    recipes = [loading.load(name) for name in names or ONE_OF_EACH_PIPELINE]
    sheet = contact_sheet.sheet(recipes, options.loaded(data), pictures, copies, seed)
    print(contact_sheet.write(sheet, out))


@command("probe", "ask how much of the class a data set gives away without a cell in sight")
@options.labelled_data()
@click.option("--weights", type=FOLDER, required=True, help="folder of ImageNet backbones")
@options.output("text", "json", "csv")
def probe(data: Path, weights: Path, form: str) -> None:
    """Print the accuracy of linear probes."""
    import msgspec

    from training.evaluation.linear_probe import as_csv, probe, text

    probes = probe(options.loaded(data), weights)
    if form == "json":
        print(json.dumps(msgspec.to_builtins(probes), indent=1))
        return
    print(text(probes) if form == "text" else as_csv(probes), end="")


@command("figures", "draw the plots of docs/what-the-numbers-mean.md")
@click.option("--results", type=FOLDER, required=True, help="folder of the tables, docs/results")
@click.option("--bundle", type=FOLDER, default=MODELS / "leukolens-field", help="whose report is drawn")
@click.option("--out", type=PATH, required=True)
def figures(results: Path, bundle: Path, out: Path) -> None:
    """Draw the plots and print their files."""
    from training.reports.plots import draw

    print("\n".join(str(file) for file in draw(results, bundle / "report", out)))


COMMANDS = (inspect, gather, contact, probe, figures)
