"""One recipe under two of Keras' backends: the same held-out accuracy within chance, and a bundle that is served."""

import os
import subprocess
import sys

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from smear.inference.field_reader import Reader
from smear.statistics import wilson
from tests.conftest import ROOT

BACKENDS = ("tensorflow", "jax")
EACH = 40
CHANGES = (("squeezenet", "abed_simple_cnn"), ("epochs = 2", "epochs = 12"), ("batch_size = 8", "batch_size = 16"))


@pytest.fixture(scope="module")
def fitted(tiny, tmp_path_factory):
    """The draft that each backend makes of the same recipe and drawings, each in a process of its own."""
    folder = tmp_path_factory.mktemp("backends")
    recipe, data = folder / "small.toml", folder / "data"
    text = tiny.read_text(encoding="utf-8")
    for old, new in CHANGES:
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text, encoding="utf-8")
    lines = ["path,label,group,source"]
    for kind in ("leukemic", "sparse"):
        (data / kind).mkdir(parents=True)
        for seed in range(EACH):
            name = f"{kind}/{seed:02}.png"
            (data / name).write_bytes(encode(synthetic.field(seed, kind, 160), "PNG"))
            lines.append(f"{name},{kind},{kind}-{seed // 2},drawn")
    (data / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = {}
    for backend in BACKENDS:
        command = [sys.executable, "-m", "training", "fit", recipe, "--data", data, "--out", folder / backend]
        environment = os.environ | {"KERAS_BACKEND": backend}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made[backend] = folder / backend / "tiny"
    return made


def test_backends_agree_within_chance(fitted):
    cards = {backend: bundle.read_card(made) for backend, made in fitted.items()}
    for backend, card in cards.items():
        assert card.frameworks["backend"].startswith(backend)
    one, other = (card.metrics["validation"] for card in cards.values())
    assert one["n"] == other["n"] >= 8
    low, high = wilson(round(one["accuracy"] * one["n"]), one["n"])
    assert low - 1e-9 <= other["accuracy"] <= high + 1e-9
    assert min(one["accuracy"], other["accuracy"]) > 0.6


def test_what_either_made_is_served(fitted):
    field = encode(synthetic.field(99, "leukemic", 160), "PNG")
    for made in fitted.values():
        reading = Reader(bundle.load(made)).read(field)
        assert set(reading.suggestion.probabilities) == {"leukemic", "sparse"}
        assert reading.maps.shape[0] == 2
