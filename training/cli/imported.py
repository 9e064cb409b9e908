"""Somebody else's Keras model as a draft: `import`."""

import json
from pathlib import Path
from typing import Any

import click

from training.cli import options
from training.cli.options import PATH, command, say

SCALING = "how its maker scaled the pictures; without it the usual ways are tried, and said"


@command("import", "take in a Keras model that was trained elsewhere, measured on pictures of your own")
@click.argument("model", metavar="MODEL", type=PATH)
@click.option("--labels", type=PATH, required=True, metavar="FILE", help="its labels, in the order of its outputs")
@options.labelled_data("labelled pictures that it has not learnt from")
@click.option("--out", type=PATH, required=True, metavar="RUN", help="folder for everything that is made")
@click.option("--scaling", default="", metavar="NAME", help=SCALING)
@click.option("--scope", type=click.Choice(("field", "cell")), default="field", help="what its pictures show")
@options.folds()
@options.output("text", "json")
def import_model(
    model: Path, labels: Path, data: Path, out: Path, scaling: str, scope: Any, folds: int, form: str
) -> None:
    """Write a draft bundle with its result into RUN, for `publish`."""
    from training.data.duplicates import agreed
    from training.evaluation.metrics import public
    from training.imported import importing, label_file
    from training.imported.scalings import SCALINGS
    from training.reports import imported

    if scaling and scaling not in SCALINGS:
        raise click.BadParameter(f"'{scaling}' is none of {', '.join(SCALINGS)}.", param_hint="--scaling")
    pictures = agreed(options.loaded(data, scope), say)
    candidate = importing.Candidate(model, label_file.read(labels), scope, out)
    looked = importing.look(candidate, pictures, say)
    rows = looked.tried()
    say(imported.scalings(rows))
    chosen = importing.confirmed(rows, scaling)
    result = importing.draft(looked, chosen, folds)
    if form == "json":
        tried = {row.scaling.name: round(row.right / len(row.hits), 5) for row in rows}
        print(
            json.dumps(
                {**public(result), "scaling": scaling, "scalings": tried, "ending": looked.opened.ending}, indent=1
            )
        )
        return
    print(imported.text(result, looked.run.material.labels, looked.run.recipe.name, out))


COMMANDS = (import_model,)
