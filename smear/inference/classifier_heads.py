"""Classifiers beside a network: they answer from its features, in its place. Read as data, never as code.

XGBoost and LightGBM come in their own formats; scikit-learn's come by skops, which builds nothing that is not on the
list here. Each library is imported when a bundle needs it, so that the others need none of them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.sentence import SentenceError

XGBOOST, LIGHTGBM, SKLEARN = "head.ubj", "head.txt", "head.skops"  # by the name of the file
TRUSTED = ("sklearn.tree._tree.Tree",)  # what skops does not know by itself and our classifiers hold
LEAST = 1e-4  # of probability: a forest that is all of one mind is not certain

Answer = Callable[[Array], Array]


class HeadError(SentenceError):
    """A classifier that cannot be used; the sentence says why."""


def load(path: Path, classes: int) -> Answer:
    """Return what turns features, float (N, K), into logits, float32 (N, classes); HeadError where it cannot be had."""
    if path.name not in READERS:
        raise HeadError(f"{path.name} is no kind of classifier that is known: {', '.join(READERS)}.")
    try:
        answer = READERS[path.name](path)
    except ImportError as error:
        raise HeadError(f"{path.name} needs {error.name}, which is not installed.") from error
    except Exception as error:  # each library has its own ways to refuse a damaged file
        raise HeadError(f"{path.name} cannot be read ({type(error).__name__}).") from error
    return lambda features: _of(answer(np.asarray(features, np.float32)), classes)


def _of(logits: Array, classes: int) -> Array:
    if logits.shape[1] != classes:
        raise HeadError(f"The classifier knows {logits.shape[1]} labels, the card has {classes}.")
    return logits.astype(np.float32)


def _xgboost(path: Path) -> Answer:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(path)
    return lambda features: booster.inplace_predict(features, predict_type="margin")


def _lightgbm(path: Path) -> Answer:
    import lightgbm

    booster = lightgbm.Booster(model_file=path)
    return lambda features: np.asarray(booster.predict(features, raw_score=True))


def _sklearn(path: Path) -> Answer:
    import skops.io

    model = skops.io.load(path, trusted=list(TRUSTED))
    return lambda features: sklearn_logits(model, features)


def sklearn_logits(model: Any, features: Array) -> Array:
    """Return logits (N, C) of a scikit-learn classifier: its decision values, or else the logs of its probabilities."""
    if not hasattr(model, "decision_function"):
        return np.log(np.clip(model.predict_proba(features), LEAST, 1))
    values = np.asarray(model.decision_function(features))
    return np.stack([-values / 2, values / 2], axis=1) if values.ndim == 1 else values


READERS: Mapping[str, Callable[[Path], Answer]] = {XGBOOST: _xgboost, LIGHTGBM: _lightgbm, SKLEARN: _sklearn}
