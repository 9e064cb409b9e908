"""What every test may ask for: the shipped bundle, loaded once, and the public data sets where they are."""

import os
from pathlib import Path

import pytest

from smear.imaging.formats import apart

ROOT = Path(__file__).resolve().parents[1]
# Processes that unpack files know next to nothing of their surroundings; what they run is to be measured all the same.
apart._SURROUNDINGS += ("COVERAGE_PROCESS_CONFIG",)
REQUIRED = os.environ.get("LEUKOLENS_REQUIRE_ALL") == "1"

# The files that take minutes. Two processes share the files out: what is long must not begin when one has run dry.
LONG = ("training/recipes/", "training/fit/test_backends", "training/test_whole_way", "training/", "browser/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long files; `--no-loadscope-reorder` keeps this order where files are shared out.

    What is about SQLite, or asks both databases, is left out where the tests of the application are on PostgreSQL.
    """
    if os.environ.get("LEUKOLENS_TEST_APP_ON") == "postgresql":
        apart = [item for item in items if any(map(item.get_closest_marker, ("sqlite", "both_databases")))]
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(ROOT / "tests").as_posix()
        return next((k for k, long in enumerate(LONG) if path.startswith(long)), len(LONG))

    items.sort(key=place)


def skip_or_fail(why: str) -> None:
    """Skip with the reason; on the build machine, where everything has to be there, fail."""
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the public data sets (docs/data.md)."""
    folder = Path(os.environ.get("LEUKOLENS_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        skip_or_fail("The public data sets are not here: set LEUKOLENS_DATA to their folder.")
    return folder


@pytest.fixture(scope="session")
def shipped():
    """The bundle models/leukolens-field, verified, loaded and warm: loading TensorFlow takes seconds."""
    from smear.inference import bundle

    loaded = bundle.load(ROOT / "models" / "leukolens-field")
    loaded.network.warm()
    return loaded


@pytest.fixture(scope="session")
def shipped_cells():
    """The bundle models/leukolens-blast, which reads single cells, verified and loaded."""
    from smear.inference import bundle

    return bundle.load(ROOT / "models" / "leukolens-blast")


@pytest.fixture(scope="session")
def cell_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped field bundle and `CELL_BUNDLE`, a small one of scope `cell`, made of drawn cells.

    Its network has seen nothing: it pools four random filters. Temperature and thresholds let it suggest all the same,
    because tests are about what becomes of a suggestion and not about whether it is right.
    """
    import shutil

    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(ROOT / "models" / "leukolens-field", folder / "leukolens-field")
    write_cell_bundle(folder)
    return folder


def copy_bundle(source: Path, folder: Path, name: str, **card: object) -> Path:
    """Publish a bundle once more in a folder, under a name and with what its card shall say instead."""
    import json
    import shutil

    shutil.copytree(source, folder / name)
    path = folder / name / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": name} | card))
    return folder / name


def tell_of_leukocytes_alone(bundle: Path, card: dict) -> None:
    """Let a field bundle's statistics describe leukocytes alone, as a cell bundle's do; `card` is its card."""
    from smear.artifacts import sha256
    from smear.inference.bundle import OOD
    from smear.inference.ood import Distribution

    Distribution.load(bundle / OOD).of_leukocytes().save(bundle / OOD)
    card["files"][OOD] = sha256(bundle / OOD)


CELL_BUNDLE = "drawn-cells"
CELL_LABELS = (("blast", "Blast", True), ("lymphocyte", "Lymphocyte", False), ("monocyte", "Monocyte", False))


def write_cell_bundle(folder: Path, version: str = "0.1.0") -> Path:
    """Publish `CELL_BUNDLE` in a folder, its novelty fitted on drawn cells; return its path."""
    import keras
    import numpy as np
    from msgspec.structs import replace

    from smear.imaging import synthetic
    from smear.inference import bundle
    from smear.inference.card import Head, Input, Label, Step, Threshold
    from smear.inference.cell_reader import batches
    from smear.inference.ood import Distribution, ood_features
    from smear.segmentation.find import find

    keras.utils.set_random_seed(11)
    given = keras.Input((48, 48, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(given)
    x = keras.layers.Conv2D(4, 5, strides=4, activation="relu", name="filters")(x)
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, keras.layers.Dense(len(CELL_LABELS))(pooled))
    shipped = bundle.read_card(ROOT / "models" / "leukolens-field")
    card = replace(
        shipped,
        name=CELL_BUNDLE,
        version=version,
        labels=tuple(Label(id_, name, f"A drawn {name.lower()}.", bad) for id_, name, bad in CELL_LABELS),
        scope="cell",
        input=Input(48, 48),
        preprocess=(Step("one_leukocyte"),),
        explanation_layer="filters",
        batch_size=8,
        temperature=0.05,
        abstention=Threshold(0.5, 0.0),
        ood=Threshold(1000.0, 0.0),
        head=Head(),
        golden=(),
        files={},
    )
    looks = []
    for seed in range(4):
        field = synthetic.field(seed, "leukemic", 448)
        looks += [ood_features(one) for _part, seen in batches(card, find(field)) for one in seen]

    def fill(draft: Path) -> None:
        model.save(draft / bundle.MODEL)
        Distribution.fit(np.stack(looks)).save(draft / bundle.OOD)

    return bundle.write(folder, card, fill)
