"""The segmenter of leukocytes, taught, measured and drawn: `segmenter`, `segmentation`, `atlas`."""

import json
from pathlib import Path

import click

from training.cli import options
from training.cli.options import FOLDER, PATH, command, say
from training.data.manifest import DataError


@command("segmenter", "teach, measure and publish the network that finds leukocytes")
@click.option("--fields", type=FOLDER, required=True, help="fields for the thresholds to label (Taleghani)")
@click.option("--cells", type=FOLDER, required=True, help="single cells in their middle, by class (PBC)")
@click.option("--masked", type=FOLDER, required=True, help="sets to measure it on, as for `segmentation`")
@click.option("--out", type=PATH, required=True, metavar="RUN", help="folder that a killed run goes on from")
@click.option("--epochs", type=options.COUNT, help="to try it out in less than the full time")
@options.models()
def segmenter(fields: Path, cells: Path, masked: Path, out: Path, epochs: int | None, models: Path) -> None:
    """Publish a segmenter under the next version."""
    from smear.segmentation.mask_network import FOLDER, Segmenter
    from training.architectures import unet
    from training.fit.draft_card import commit
    from training.graphs.segmenter import exported
    from training.segmenter import agreement, fit, publish

    target = models / FOLDER.name
    version = publish.next_version(target)  # before hours of training: the card that is there may be damaged
    schedule = fit.Schedule(**({"epochs": epochs} if epochs else {}))
    agreement.make(out)
    lessons = fit.gather(fields, cells)
    model = unet.folded(fit.fit(lessons, schedule, out, say))
    results, _ = agreement.measure(masked, network=Segmenter(exported(model)))
    card = publish.card(version, lessons, schedule, commit(), results)
    print(agreement.table(results))
    print(f"Published {publish.write(target, model, card)}.")
    fit.clear(out)


@command("segmentation", "measure how well leukocytes are found, where masks exist")
@options.data("a folder with images/ and masks/, or of such")
@options.output("text", "json")
@click.option("--out", type=PATH, metavar="DIR", help="folder for results.json and worst.html")
def segmentation(data: Path, form: str, out: Path | None) -> None:
    """Print how well leukocytes are found."""
    from training.reports import worst_page
    from training.segmenter import agreement

    if out is not None:
        agreement.make(out)
    results, pictures = agreement.measure(data)
    if out is not None:
        agreement.write(results, out)
        worst_page.write(pictures, out / "worst.html")
    print(json.dumps(agreement.to_json(results), indent=1) if form == "json" else agreement.table(results))


@command("atlas", "draw what is found in some pictures of each set, without the pictures")
@options.data("labelled or masked sets", multiple=True, metavar="DIR ...")
@click.option("--out", type=PATH, required=True, metavar="FOLDER", help="folder for one SVG for each set")
@click.option("--seed", type=options.SEED, default=0, help="which pictures are picked")
def atlas(data: tuple[Path, ...], out: Path, seed: int) -> None:
    """Draw the sets and print the files."""
    from training.reports.atlas import draw, folders

    sets = [folder for root in data for folder in folders(root)]
    names = [folder.resolve().name for folder in sets]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"Two folders of --data are called '{name}', and one's drawing would replace the other's.")
    for folder in sets:
        print(draw(folder, out, seed))


COMMANDS = (segmenter, segmentation, atlas)
