"""Classifiers on a network's features, as Khan (seven) and Bushi (six) compared them, saved for `classifier_heads`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smear.arrays import Array
from smear.inference import classifier_heads

ROUNDS = 100
THREADS = 2


def fit(name: str, features: Array, targets: Array, folder: Path, seed: int = 0) -> str:
    """Fit the classifier `name` on features, float (N, K), and targets, int64 (N,); return the file's name in `folder`.

    Every class from 0 to the largest has to occur. What an author does not say is left at the library's default.
    """
    classes = int(targets.max()) + 1
    if name == "xgboost":
        return _xgboost(features, targets, classes, folder, seed)
    if name == "lightgbm":
        return _lightgbm(features, targets, classes, folder, seed)
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), SKLEARN[name](seed)).fit(features, targets)
    skops.io.dump(model, folder / classifier_heads.SKLEARN)
    return classifier_heads.SKLEARN


def _xgboost(features: Array, targets: Array, classes: int, folder: Path, seed: int) -> str:
    import xgboost

    # Two classes as well get a margin each: a card has as many logits as labels.
    plan = {"objective": "multi:softprob", "num_class": classes, "seed": seed, "nthread": THREADS, "verbosity": 0}
    xgboost.train(plan, xgboost.DMatrix(features, targets), ROUNDS).save_model(folder / classifier_heads.XGBOOST)
    return classifier_heads.XGBOOST


def _lightgbm(features: Array, targets: Array, classes: int, folder: Path, seed: int) -> str:
    import lightgbm

    plan = {"objective": "multiclass", "num_class": classes, "seed": seed, "num_threads": THREADS, "verbose": -1}
    plan |= {"deterministic": True, "force_row_wise": True}
    lightgbm.train(plan, lightgbm.Dataset(features, targets), ROUNDS).save_model(folder / classifier_heads.LIGHTGBM)
    return classifier_heads.LIGHTGBM


def _svm(**options: Any) -> Callable[[int], Any]:
    def build(seed: int) -> Any:
        from sklearn.svm import SVC

        return SVC(random_state=seed, **options)

    return build


def _neighbours(count: int) -> Callable[[int], Any]:
    def build(seed: int) -> Any:  # noqa: ARG001
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(count, algorithm="brute")  # trees would bring types that nobody should trust

    return build


def _adaboost(seed: int) -> Any:
    from sklearn.ensemble import AdaBoostClassifier

    return AdaBoostClassifier(random_state=seed)


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, random_state=seed)


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(300, random_state=seed, n_jobs=THREADS)


def _tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_leaf_nodes=21, random_state=seed)  # at most 20 splits, as Bushi


def _discriminant(seed: int) -> Any:  # noqa: ARG001
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    # Shrinkage, because 4096 features of some hundred pictures have no covariance that could be inverted.
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


SKLEARN: Mapping[str, Callable[[int], Any]] = {
    "svm": _svm(),
    "svm-linear": _svm(kernel="linear"),
    "svm-rbf": _svm(kernel="rbf"),
    "svm-cubic": _svm(kernel="poly", degree=3, coef0=1.0),
    "knn": _neighbours(5),
    "knn1": _neighbours(1),
    "adaboost": _adaboost,
    "logistic": _logistic,
    "random-forest": _forest,
    "tree": _tree,
    "lda": _discriminant,
}
