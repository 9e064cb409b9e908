"""A bundle made a laboratory's own: `adapt`."""

from pathlib import Path
from typing import Any

import click

from training.cli import options
from training.cli.known_data import beware
from training.cli.options import PATH, command, say


@command("adapt", "try a published bundle on a laboratory's own pictures, and make it its own")
@click.argument("bundle")
@options.labelled_data("the laboratory's pictures, labelled in the bundle's words")
@click.option(
    "--labels",
    type=options.COUNT,
    multiple=True,
    metavar="N",
    help="use so many labels; all without it. A third of the pictures tests the result",
)
@click.option(
    "--draws",
    type=options.COUNT,
    metavar="N",
    help="draw each number of --labels, of which there may be several, so many times: a table and no bundle",
)
@click.option("--lab", default="", help="whose pictures they are, for the card and the change record")
@options.bundle_name("name of the new bundle; else the bundle's with -adapted behind it")
@click.option("--weights", metavar="FOLDER", help="folder of ImageNet backbones: also try to train from them")
@click.option(
    "--no-fine-tuning",
    is_flag=True,
    help="leave out what trains all weights, which takes minutes and not seconds",
)
@click.option("--seed", type=options.SEED, default=0, help="another drawing of the labels")
@click.option("--out", type=PATH, required=True, metavar="RUN", help="folder for the new bundle and the change record")
@options.models()
@options.output("text", "json")
def adapt(
    bundle: str,
    data: Path,
    labels: tuple[int, ...],
    draws: int | None,
    lab: str,
    name: str,
    weights: str | None,
    no_fine_tuning: bool,
    seed: int,
    out: Path,
    models: Path,
    form: str,
) -> None:
    """Print before and after, what was chosen, and whether to use it; with --draws, a row for each drawing."""
    if weights and no_fine_tuning:
        raise click.UsageError("--weights are what would be trained: leave them out, or --no-fine-tuning.")
    if (not labels) if draws else len(labels) > 1:
        raise click.UsageError("Several --labels and --draws go together: so many labels, drawn so many times.")
    if draws and name:
        raise click.UsageError("--draws makes a table and no bundle: leave --name out.")
    import msgspec

    from smear.inference import bundle as bundles
    from training.adaptation import adapt as adapting
    from training.adaptation import draws as drawing
    from training.reports import adaptation

    folder = Path(bundle) if (Path(bundle) / "card.json").is_file() else models / bundle
    card = bundles.verify(folder)
    labelled = options.loaded(data, card.scope).merged(card.recipe.get("merge", {}))
    adapting.refuse_strangers(labelled, card)
    beware(folder, card, labelled)
    if card.recipe.get("adapted"):
        parent = " ".join(card.data.get("parent", {}).get(entry, "") for entry in ("name", "version")).strip()
        say(
            f"Beware: {card.name} was adapted itself. Where it was so to some of these pictures, or others of their"
            f" patients, the test flatters it. Adapt what it was made of in its place: {parent}."
        )
    first = options.weights(weights) if weights else None
    plan = adapting.Plan(labelled, labels[0] if labels else None, lab, first, seed, name, not no_fine_tuning)
    loaded = bundles.load(folder)
    if draws:
        result: Any = drawing.draw(loaded, plan, labels, draws, out, say)
    else:
        result = adapting.adapt(loaded, plan, out, say)
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(result), indent=1).decode())
    else:
        print(out / drawing.TABLE if draws else adaptation.text(result, card, out))


COMMANDS = (adapt,)
