"""What the types of a recipe's entries cannot say: limits of numbers, and entries that do not go together."""

import inspect
from collections.abc import Iterator

from smear.inference.preprocess import STEPS
from smear.inference.tta import ALWAYS, suits
from training.architectures import BUILDERS
from training.recipes.recipe import Recipe, vocabulary

RENAMED_PARAMETERS = {"finder": "segmenter"}  # of steps
SEEDS = 2**32  # so many there are
SHARES = (
    ("schedule", "frozen"),
    ("schedule", "batch_norm_momentum"),
    ("refusal", "target_accuracy"),
    ("refusal", "for_confidence"),
    ("refusal", "for_ood"),
)


def rules(recipe: Recipe) -> Iterator[tuple[str, bool, str]]:
    """Yield what types cannot say: the entry, whether it is wrong, and the sentence."""
    schedule, published = recipe.schedule, recipe.published
    known = ", ".join(BUILDERS)
    yield "architecture", recipe.architecture not in BUILDERS, f"there is no such architecture. Known: {known}."
    for number, step in enumerate(recipe.preprocess):
        yield f"preprocess[{number}].name", step.name not in STEPS, f"no such step. Known: {', '.join(STEPS)}."
        for old, new in RENAMED_PARAMETERS.items():
            what = f"'{old}' is called {new} now. Write {new} in its place."
            yield f"preprocess[{number}].parameters", old in step.parameters, what
        strange = set(step.parameters) - set(inspect.signature(STEPS[step.name]).parameters)
        yield f"preprocess[{number}].parameters", bool(strange), f"'{step.name}' does not take {', '.join(strange)}."
    sideways = not suits(recipe.tta, recipe.input.height, recipe.input.width)
    yield "tta", sideways, "a picture that is not square cannot be read on its side."
    yield "tta_confidence", not 0 < recipe.tta_confidence <= ALWAYS, "has to be above 0 and at most 1."
    classified = recipe.tta_confidence < ALWAYS and (recipe.head.classifier != "dense" or bool(recipe.head.choices))
    yield "tta_confidence", classified, "a classifier answers to the mean of all orientations: it has to be 1."
    for entry in ("epochs", "batch_size", "learning_rate", "closed_form_penalty"):
        yield f"schedule.{entry}", not getattr(schedule, entry) > 0, "has to be above 0."
    yield "schedule.copies", schedule.copies < 1, "once is the least."
    slowed_blind = schedule.decay == "plateau" and not schedule.validation_split
    yield "schedule.decay", slowed_blind, "it goes by the part that is held back: validation_split has to be true."
    yield "refusal.other_label", recipe.refusal.other_label < 0, "may not be negative."
    yield "head.l2", recipe.head.l2 < 0, "may not be negative."
    yield from _merge_rules(recipe)
    for entry in ("steps", "closed_form_epochs", "head_epochs", "patience", "outlier_exposure", "weight_decay"):
        yield f"schedule.{entry}", getattr(schedule, entry) < 0, "may not be negative."
    for entry in ("population", "weight_generations"):
        yield f"search.{entry}", getattr(recipe.search, entry) < 0, "may not be negative."
    for side in ("height", "width"):
        yield f"input.{side}", getattr(recipe.input, side) < 1, "has to be above 0."
    torn = bool(schedule.ema_momentum and schedule.patience)
    yield "schedule.ema_momentum", torn, "patience goes back to one epoch's weights, which are no mean: it has to be 0."
    blind = not schedule.validation_split and bool(schedule.patience or recipe.search.population)
    yield (
        "schedule.validation_split",
        blind,
        "patience and the search go by the part that is held back: it has to be true.",
    )
    for table, entry in SHARES:
        yield f"{table}.{entry}", not 0 <= getattr(getattr(recipe, table), entry) <= 1, "has to be within 0 and 1."
    yield "schedule.seed", not 0 <= schedule.seed < SEEDS, f"has to be within 0 and {SEEDS - 1}."
    for source, entries in recipe.sources.items():
        strange_source = entries.held_out_with not in ("", *recipe.sources)
        yield f"sources.{source}.held_out_with", strange_source, "there is no such source in the recipe."
    both = schedule.sampling == "even" and (schedule.evened or schedule.balanced)
    yield "schedule.sampling", both, "labels are drawn alike often already: evened and balanced have to be false."
    for entry in ("dropout", "ema_momentum", "label_smoothing"):
        yield f"schedule.{entry}", not 0 <= getattr(schedule, entry) < 1, "has to be within 0 and 1."
    for entry in ("augmented_copies", "enlarged_to"):
        yield f"published.{entry}", getattr(published, entry) < 0, "may not be negative."
    twice = bool(published.augmented_copies and published.enlarged_to)
    yield "published.enlarged_to", twice, "copies are made by number or up to a number: augmented_copies has to be 0."
    yield "published.folds", published.folds < 2, "two folds are the least."
    yield "published.test", not 0 < published.test + published.validation < 1, "nothing is left to train on."
    moved = bool(recipe.search.weight_generations and not recipe.search.population)
    yield "search.weight_generations", moved, "there is no herd: population has to be above 0."
    yield "search.males", 0 < recipe.search.population <= recipe.search.males, "fewer than the population."


def _merge_rules(recipe: Recipe) -> Iterator[tuple[str, bool, str]]:
    """Yield what is wrong with the labels that a recipe makes of the data's."""
    texts, owners = vocabulary() | recipe.labels, dict[str, str]()
    for label, merged in recipe.merge.items():
        what = f"nothing says what '{label}' means. Add a table [labels.{label}]."
        yield f"merge.{label}", label not in texts, what
        yield f"merge.{label}", not merged, "no label is named."
        for old in merged:
            other = owners.setdefault(old, label)
            yield f"merge.{label}", other != label, f"'{old}' is '{other}' already. Name it once."
            yield f"merge.{label}", old in recipe.merge and old != label, f"'{old}' is itself made of others."
