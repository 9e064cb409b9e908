"""What several commands share: options of many values, where bundles lie, and where first weights come from."""

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smear.artifacts import SEGMENTER
from smear.sentence import SentenceError

if TYPE_CHECKING:
    from training.architectures.blueprint import Weights
    from training.data.dataset import Dataset

MODELS = Path(__file__).resolve().parents[2] / "models"
PROTOCOLS = click.Choice(("random", "grouped", "source", "as-published"))
PATH = click.Path(path_type=Path)
COUNT, SEED = click.IntRange(min=1), click.IntRange(min=0)
STRICT = "training.strict"  # in the context of a command


class Folder(click.Path):
    """The path of a folder that has to be there."""


FOLDER = Folder(path_type=Path)

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


class Command(click.Command):
    """A command whose `multiple` options take all values that follow them: `--protocols random grouped`.

    A folder that is not there is answered before the command runs, and so before anything large is imported.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; SentenceError where a folder that it needs is not there."""
        for option in self.params:
            if isinstance(option.type, Folder) and option.name:
                value = ctx.params[option.name]
                for folder in value if isinstance(value, tuple) else (value,):
                    if not folder.is_dir():
                        raise SentenceError(f"There is no folder {folder}.")
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with an option of its own for each further value."""
        many = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        return super().parse_args(ctx, list(_repeated(args, many)))


def _repeated(arguments: Sequence[str], many: set[str]) -> Iterator[str]:
    """Yield `--option A B` as `--option A --option B` for the options `many`."""
    option, values = "", 0
    for argument in arguments:
        if argument.startswith("-"):
            option, values = argument, 0
        elif option in many:
            values += 1
            if values > 1:
                yield option
        yield argument


def command(name: str, summary: str) -> Callable[[Function], Command]:
    """Return the decorator that makes a command of a function; its summary is not cut short in the list of commands."""
    return click.command(name, cls=Command, help=summary, short_help=summary)


def several(*decorators: Decorator) -> Decorator:
    """Return decorators as one, in the order in which help lists them."""

    def decorate(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def data(summary: str | None = None, **attributes: Any) -> Decorator:
    """Return the option `--data`."""
    return click.option("--data", type=FOLDER, required=True, help=summary, **attributes)


def strict() -> Decorator:
    """Return the option `--strict`, which `loaded` asks for: no command has to hand it on."""

    def note(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
        ctx.meta[STRICT] = value

    summary = "refuse data in which a picture names no patient"
    return click.option("--strict", is_flag=True, expose_value=False, callback=note, help=summary)


def labelled_data(summary: str | None = None) -> Decorator:
    """Return the options `--data`, of pictures with labels, and `--strict`."""
    return several(data(summary), strict())


def first_weights(summary: str) -> Decorator:
    """Return the option that says where a network's first weights come from."""
    return click.option("--weights", metavar="FOLDER", help=summary)


def changes() -> Decorator:
    """Return the options that change a recipe; the function gets them as `changes`, a dictionary for `loading.load`."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def gathered(*args: Any, entries: tuple[str, ...], seed: int | None, batch: int | None, **rest: Any) -> Any:
            named = {"schedule.seed": seed, "schedule.batch_size": batch}
            short = {entry: str(value) for entry, value in named.items() if value is not None}
            return function(*args, changes=dict(map(_split, entries)) | short, **rest)

        return several(
            click.option(
                "--set",
                "entries",
                multiple=True,
                metavar="ENTRY=VALUE ...",
                help="change the recipe: schedule.epochs=8, augmentation.zoom=[0.9,1.1], preprocess[0].name=median",
            ),
            click.option("--seed", type=int, help="for --set schedule.seed"),
            click.option("--batch", type=int, help="for --set schedule.batch_size"),
        )(gathered)

    return decorate


def tracking() -> Decorator:
    """Return the options that send numbers elsewhere, too; the function gets them as `tracking`, a `Tracking`."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def gathered(*args: Any, tensorboard: bool, mlflow: str, **rest: Any) -> Any:
            from training.tracking import Tracking

            return function(*args, tracking=Tracking(tensorboard, mlflow), **rest)

        return several(
            click.option("--tensorboard", is_flag=True, help="write the numbers for TensorBoard too, within RUN"),
            click.option("--mlflow", metavar="URI", default="", help="send them to this MLflow server too"),
        )(gathered)

    return decorate


def _split(entry: str) -> tuple[str, str]:
    """Return name and value of `ENTRY=VALUE`."""
    name, sign, value = entry.partition("=")
    if not sign:
        raise click.BadParameter(f"'{entry}' has no value. Write {entry}=VALUE.", param_hint="--set")
    return name.strip(), value.strip()


def folds() -> Decorator:
    """Return the option `--folds`: in how many parts the pictures are divided."""
    return click.option("--folds", type=click.IntRange(min=2), default=5)


def models() -> Decorator:
    """Return the option that says where published bundles lie."""
    return click.option("--models", type=PATH, default=MODELS)


def bundle_name(summary: str) -> Decorator:
    """Return the option `--name`, of a bundle."""
    return click.option("--name", default="", help=summary, callback=lambda _context, _option, value: named(value))


def named(name: str) -> str:
    """Return a bundle's name without spaces around it; click.BadParameter where it cannot be that of a folder."""
    name = name.strip()
    if name.startswith(".") or set(name) & set("/\\\0") or name == SEGMENTER:
        raise click.BadParameter(
            f"'{name}' cannot be the name of a bundle's folder. Choose another.", param_hint="--name"
        )
    return name


def output(*names: str) -> Decorator:
    """Return the option that says in what form the result is printed: the first of `names` where none is asked for."""
    return click.option("--format", "form", type=click.Choice(names), default=names[0])


def ray() -> Decorator:
    """Return the option `--ray`, which the function gets as `address`; workers begin in folders of their own, so that
    every path is whole then."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def placed(*args: Any, address: str | None, **rest: Any) -> Any:
            if address is not None:
                rest = {name: _whole(value) for name, value in rest.items()}
            return function(*args, address=address, **rest)

        summary = "share the work: the address of a Ray cluster, or `local` for the cores of this machine"
        return click.option("--ray", "address", metavar="ADDRESS", help=summary)(placed)

    return decorate


def _whole(value: Any) -> Any:
    if isinstance(value, Path):
        return value.resolve()
    return tuple(_whole(part) for part in value) if isinstance(value, tuple) else value


def weights(source: str | None) -> "Weights":
    """Return where first weights come from; what each network got is said when it is built."""
    if source is None:
        say("No --weights: the network starts from random weights and will need far more pictures.")
        return None
    return "imagenet" if source == "imagenet" else Path(source).resolve()


def loaded(folder: Path, scope: str = "cell", least: int = 2) -> "Dataset":
    """Return the data set in a folder, and say what was made of its patients' ids; DataError as `dataset.load` has it.

    scope: of the recipe or bundle that it is for: a patient's fields have one label, the cells may have many. least:
    how many labels it has to have.
    """
    from training.data import dataset

    context = click.get_current_context(silent=True)
    strictly = bool(context and context.meta.get(STRICT))
    data_set = dataset.load(folder, many_labels=scope == "cell", strict=strictly, least=least)
    for remark in data_set.remarks:
        say(f"{folder.resolve().name}: {remark}")
    return data_set


def say(text: str) -> None:
    """Print a line of progress or complaint; standard output is for results alone."""
    print(text, file=sys.stderr, flush=True)
