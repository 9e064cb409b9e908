"""What recipes are worth, side by side: `compare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.cli import options
from training.cli.options import PATH, PROTOCOLS, command, say
from training.data import dataset
from training.recipes import loading

if TYPE_CHECKING:
    from training.evaluation.conclusion import Earlier
    from training.evaluation.splits import Protocol


@command("compare", "cross-validate many recipes and line up what they give")
@click.argument("names", metavar="[RECIPE]...", nargs=-1)
@options.labelled_data()
@click.option("--out", type=PATH, required=True, help="folder for everything; a killed run goes on there")
@options.first_weights("as for fit")
@options.changes()
@click.option("--protocols", type=PROTOCOLS, multiple=True, default=("random", "grouped"))
@options.folds()
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
    from training.fit.checkpoints import whole
    from training.fit.run import Material, Run
    from training.reports import comparison_page

    recipes = [loading.load(name, changes) for name in dict.fromkeys(names) or loading.names()]
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
    texts = {"csv": csv_table.as_csv(table, again), "html": comparison_page.as_html(rows, plan, again, paragraph)}
    for ending, text in texts.items():
        with whole(out / f"compare.{ending}") as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    print(f"{comparison_page.text(table)}\n\n{paragraph}\nAll numbers: {out / 'compare.csv'} and compare.html")


def _recorded(folder: Path, data: dataset.Dataset, protocol: "Protocol") -> "Earlier | None":
    """Return a published bundle, where its card has a result on this very data by this protocol."""
    from training.evaluation.conclusion import recorded
    from training.publish import published

    card = published(folder)
    return recorded(card, data.fingerprint, protocol) if card else None


COMMANDS = (compare,)
