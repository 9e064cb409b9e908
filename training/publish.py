"""Make a run's draft into a published bundle: metrics and controls into the card, plots into `report/`.

What is published reads for people, so a run has to be whole, of one piece, and good enough (`smear.inference.floors`).
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from smear.artifacts import GRAPH, MODEL, BundleError
from smear.inference import bundle, floors
from smear.inference.card import NEVER, Card, Threshold
from smear.sentence import SentenceError
from training import learnt_pictures
from training.evaluation import stress
from training.evaluation.conclusion import conclude, percent, recorded
from training.evaluation.cross_validation import result_file
from training.evaluation.splits import PROTOCOLS, Protocol
from training.evaluation.stress import Stress
from training.evaluation.summary import CrossValidated
from training.recipes.of_cards import refusal_of
from training.reports import run_report

BULKY = ("roc", "reliability", "per_patient", "recipe", "learning_curves")  # in report/, too long for a card
OF_THE_DRAFT = ("recipe", "fingerprint", "code")  # what a result is of, which the card says already
BY_THE_NETWORK = ("recurrence",)  # of a recipe: what the search chose takes its place on the draft's card
Results = dict[Protocol, CrossValidated]


class UnfinishedRunError(SentenceError):
    """A run that lacks something without which nothing is published; the sentence says what makes it."""


@dataclass(frozen=True)
class Publisher:
    """Who publishes, in the words that stand on the card; "" or () where the recipe's own are to stand there.

    second_opinion: whether a bundle is published that does not reach the floors; a laboratory's admin then has to give
    a reason before it reads for anybody.
    """

    name: str = ""
    attribution: str = ""
    licence: str = ""
    known_failures: tuple[str, ...] = ()
    second_opinion: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The entries, in the words of the command line, that nothing was given for."""
        entries = {
            "--name": self.name,
            "--attribution": self.attribution,
            "--licence": self.licence,
            "--known-failure": self.known_failures,
        }
        return tuple(option for option, value in entries.items() if not value)


def publish(run: Path, models: Path, publisher: Publisher | None = None) -> Path:
    """Return the folder of the published bundle. UnfinishedRunError where the run is not whole, not of one piece, below
    the floors, or would take another bundle's place."""
    publisher = publisher or Publisher()
    source = _draft_in(run)
    draft = _signed(bundle.verify(source), publisher)
    files = {protocol: result_file(run, protocol) for protocol in PROTOCOLS}
    results: Results = {protocol: _read(file) for protocol, file in files.items() if file.is_file()}
    required = floors.deciding(draft)
    insist_on_licences(draft)
    if required not in results:
        raise UnfinishedRunError(
            f"{run} has no {required} result, and nothing is published without one."
            f" Run: python -m training crossval {draft.recipe['name']} --data DATA --out {run} --protocol {required}"
        )
    for protocol, result in results.items():
        for what in _differences(draft, result):
            raise UnfinishedRunError(
                f"The {protocol} result in {run} {what}. What is measured has to be what is published: give the fit and"
                " crossval commands again, with another --out."
            )
    rendered = stress.read(run)
    for what in _of_something_else(draft, rendered) if rendered else ():
        raise UnfinishedRunError(f"{run / stress.RESULT} {what}. Give its stress command again, or remove the file.")
    earlier = published(models / draft.name)
    if earlier and earlier.version == draft.version:
        raise UnfinishedRunError(
            f"{models} has a {draft.name} {draft.version} already. Raise the version in the recipe and train again, or"
            " publish under another --name."
        )
    card = complete(draft, results, earlier, run)
    unmet = floors.unmet(card)
    if unmet and not publisher.second_opinion:
        raise UnfinishedRunError(
            f"{card.name} is not good enough to be published. {' '.join(unmet)} With --second-opinion it is published"
            " all the same, and reads for nobody until an admin gives a reason."
        )
    if rendered:
        entries = {entry: value for entry, value in msgspec.to_builtins(rendered).items() if entry not in OF_THE_DRAFT}
        card = structs.replace(card, metrics=card.metrics | {"stress": entries})

    def fill(folder: Path) -> None:
        others = [file for file in (GRAPH, learnt_pictures.FILE) if file in draft.files]
        for file in filter(None, (MODEL, bundle.ood_file(card), card.head.file, *others)):
            shutil.copyfile(source / file, folder / file)
        run_report.write(folder / "report", card, results, rendered)

    return bundle.write(models, card, fill)


def insist_on_licences(draft: Card) -> None:
    """Raise UnfinishedRunError where the network has learnt from pictures whose licence forbids it."""
    known = draft.recipe.get("sources") or {}
    forbidden = [name for name in draft.data.get("sources", ()) if name in known and not known[name]["ships"]]
    if forbidden:
        raise UnfinishedRunError(
            f"The network has learnt from '{forbidden[0]}', which its recipe says no published bundle may learn from"
            f" ({known[forbidden[0]]['licence']}). Run fit again: it leaves such pictures out."
        )


def unsigned(run: Path, publisher: Publisher) -> tuple[str, ...]:
    """Return what the run's maker has to say first, in options of `publish`: none where the recipe's words are true.

    They are of the data that the recipe names. UnfinishedRunError where the run has no draft.
    """
    return _missing(bundle.verify(_draft_in(run)), publisher)


def _missing(draft: Card, publisher: Publisher) -> tuple[str, ...]:
    described = draft.data["fingerprint"] in draft.recipe.get("data_fingerprints", ())
    return () if described else publisher.missing


def _signed(draft: Card, publisher: Publisher) -> Card:
    """Return the draft's card with its maker's words; UnfinishedRunError where they are needed and missing."""
    if missing := _missing(draft, publisher):
        raise UnfinishedRunError(
            f"{draft.name} was trained on other data than the recipe's texts speak of."
            f" Say whose it is with {', '.join(missing)}."
        )
    entries = {
        "name": publisher.name,
        "attribution": publisher.attribution,
        "licence": publisher.licence,
        "known_failures": publisher.known_failures,
    }
    return structs.replace(draft, **{entry: value for entry, value in entries.items() if value})


def _differences(draft: Card, result: CrossValidated) -> Iterator[str]:
    """Yield in what a result is of something else than the draft, each as the rest of a sentence."""
    if result.folds_run < result.folds and result.protocol == floors.deciding(draft):
        yield f"is of {result.folds_run} folds of {result.folds}"
    if list(result.sensitivity) != [label.id for label in draft.labels]:
        yield "has other labels than the draft"
    yield from _of_something_else(draft, result, authors_own=result.protocol == "as-published")


def _of_something_else(draft: Card, result: CrossValidated | Stress, *, authors_own: bool = False) -> Iterator[str]:
    """Yield of what other code, data or recipe a result is; authors_own: data and recipe may be the authors'."""
    if result.fingerprint != draft.data["fingerprint"] and not authors_own:
        yield "is of other data than the draft"
    if set(result.code) != {draft.recipe.get("code")}:
        yield "was made by other versions of the code than the draft"
    changed = {
        key
        for key, value in result.recipe.items()
        if key not in BY_THE_NETWORK and msgspec.to_builtins(draft.recipe.get(key)) != value
    }
    if changed and not authors_own:
        yield f"is of another recipe than the draft: they differ in {', '.join(sorted(changed))}"


def _draft_in(run: Path) -> Path:
    names = bundle.names(run)
    if not names:
        raise UnfinishedRunError(
            f"{run} has no trained model. Run: python -m training fit RECIPE --data DATA --out {run}"
        )
    if len(names) > 1:
        raise UnfinishedRunError(f"{run} has several trained models: {', '.join(names)}. Leave the one that is meant.")
    return run / names[0]


def _read(file: Path) -> CrossValidated:
    try:
        return msgspec.json.decode(file.read_bytes(), type=CrossValidated)
    except msgspec.DecodeError as error:
        raise UnfinishedRunError(
            f"{file} is of an earlier version, or damaged ({error}). Give its crossval command again; folds that are"
            " there are not repeated."
        ) from error


def published(path: Path) -> Card | None:
    """Return the card of the bundle at this path, None where there is none that can be read."""
    try:
        return bundle.read_card(path)
    except BundleError:
        return None


def complete(draft: Card, results: Results, earlier: Card | None, run: Path) -> Card:
    """Return the draft's card with the results in it, and calibrated by the answers to every fold's test pictures.

    The part that a draft was calibrated on, if it was, is an eighth of the groups, and of few patients that may be two.
    Fitting once on everything and calibrating by cross-validation is what scikit-learn's `CalibratedClassifierCV` calls
    `ensemble=False` (after Platt 1999).

    Nothing is suggested where suggestions, by thresholds from the other folds, were clearly less often right than the
    recipe's target: their interval by groups stays below it. UnfinishedRunError where none of the test pictures in
    `run` could be graded.
    """
    required = floors.deciding(draft)
    deciding = results[required]
    calibration = deciding.calibration
    if calibration is None:
        raise UnfinishedRunError(
            f"The {required} result in {run} says nothing of calibration: none of its pictures could be graded."
            " Give its crossval command again; folds that are there are not repeated."
        )
    target, suggested = refusal_of(draft.recipe).target_accuracy, deciding.accuracy_suggested
    missed = not suggested.total or suggested.high < target
    abstention = Threshold(NEVER, 1.0) if missed else calibration.abstention
    before = recorded(earlier, draft.data["fingerprint"], required) if earlier else None
    names = {label.id: label.name for label in draft.labels}
    metrics: dict[str, Any] = dict(draft.metrics)
    for protocol, result in results.items():
        entries = msgspec.to_builtins(result)
        metrics[protocol] = {key: value for key, value in entries.items() if key not in BULKY}
    paragraph = conclude(deciding, names, deciding.colours, before, deciding.groups_from, deciding.laboratories)
    if abstention.value >= NEVER:
        paragraph = (
            f"It makes no suggestions: being right on {percent(target)} of them, its target, was not reached on"
            f" pictures that it had not seen. What follows was measured before that was decided. {paragraph}"
        )
    return structs.replace(
        draft,
        temperature=calibration.temperature,
        abstention=abstention,
        ood=calibration.ood,
        metrics=metrics,
        controls=metrics[required]["controls"],
        conclusion=paragraph,
    )
