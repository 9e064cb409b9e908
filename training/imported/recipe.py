"""The recipe that stands on an imported model's card: how it is shown pictures, and that its training is unknown."""

from typing import Literal

from smear.inference.card import Input, Step
from training.augmentation.augment import Augmentation
from training.recipes.recipe import LabelText, Recipe, Refusal, Schedule

NAME, ARCHITECTURE = "imported", "imported"
TARGET = 0.97  # of suggestions: more than some hundred pictures cannot show
STEPS = {
    "field": (),  # as it is: what was painted out when it was trained nobody knows
    "cell": (Step("one_leukocyte", {"surroundings": True}),),
}
UNKNOWN = (
    "What it was trained on, and by what means, is unknown here. If it learnt from some of the pictures that it was"
    " measured on, all its numbers flatter.",
    "Nobody has tried whether it reads pictures of another laboratory than the one that it was measured on.",
)


def recipe(file: str, scope: Literal["field", "cell"], size: Input, labels: dict[str, LabelText]) -> Recipe:
    """Return the recipe of the model in `file`, which reads fields or cells of this size, and these labels."""
    return Recipe(
        name=NAME,
        version="1.0.0",
        title=f"A Keras model of somebody else's: {file}",
        scope=scope,
        architecture=ARCHITECTURE,
        input=size,
        preprocess=STEPS[scope],
        augmentation=Augmentation(pipeline="none", flips=False),
        schedule=Schedule(epochs=0, batch_size=1, learning_rate=0.0, validation_split=False),
        labels=labels,
        intended_use=(
            "Decision support for trained staff, within what its maker meant it for: a suggestion to be confirmed or"
            " refused, never a diagnosis, and not a medical device."
        ),
        refusal=Refusal(target_accuracy=TARGET),
        known_failures=UNKNOWN,
    )
