"""The segmenter of leukocytes, taught, measured and drawn: `segmenter`, `segmentation`, `atlas`."""

import argparse
import json
from pathlib import Path

from training.cli.options import MODELS, Commands, say


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    segmenter = commands.add_parser("segmenter", help="teach, measure and publish the network that finds leukocytes")
    segmenter.add_argument("--fields", type=Path, required=True, help="fields for the thresholds to label (Taleghani)")
    segmenter.add_argument("--cells", type=Path, required=True, help="single cells in their middle, by class (PBC)")
    segmenter.add_argument("--masked", type=Path, required=True, help="sets to measure it on, as for `segmentation`")
    segmenter.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="folder that a killed run goes on from"
    )
    segmenter.add_argument("--epochs", type=int, help="to try it out in less than the full time")
    segmenter.add_argument("--models", type=Path, default=MODELS)
    segmenter.set_defaults(run=_segmenter)

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


def _segmenter(arguments: argparse.Namespace) -> None:
    from smear.segmentation.mask_network import FOLDER, Segmenter
    from training.architectures import unet
    from training.fit.experiment import commit
    from training.segmenter import agreement, fit, publish
    from training.segmenter.onnx_graph import exported

    target = arguments.models / FOLDER.name
    version = publish.next_version(target)  # before hours of training: the card that is there may be damaged
    schedule = fit.Schedule(**({"epochs": arguments.epochs} if arguments.epochs else {}))
    agreement.make(arguments.out)
    lessons = fit.gather(arguments.fields, arguments.cells)
    model = unet.folded(fit.fit(lessons, schedule, arguments.out, say))
    results, _ = agreement.measure(arguments.masked, network=Segmenter(exported(model)))
    described = publish.card(version, lessons, schedule, commit(), results)
    print(agreement.table(results))
    print(f"Published {publish.write(target, model, described)}.")


def _segmentation(arguments: argparse.Namespace) -> None:
    from training.segmenter import agreement, outlines

    if arguments.out is not None:
        agreement.make(arguments.out)
    results, pictures = agreement.measure(arguments.data)
    if arguments.out is not None:
        agreement.write(results, arguments.out)
        outlines.write(pictures, arguments.out / "worst.html")
    print(json.dumps(results, indent=1) if arguments.format == "json" else agreement.table(results))


def _atlas(arguments: argparse.Namespace) -> None:
    from training.segmenter.atlas import draw, folders

    for folder in (one for root in arguments.data for one in folders(root)):
        print(draw(folder, arguments.out, arguments.seed))
