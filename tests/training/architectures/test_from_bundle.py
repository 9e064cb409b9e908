"""First weights from a published bundle: layer by layer, and refused where the network is another."""

import numpy as np
import pytest

from smear.artifacts import MODEL
from smear.inference.engines.keras_engine import read_model
from tests.conftest import ROOT
from training.architectures import build
from training.architectures.blueprint import Order
from training.architectures.pretrained import WeightsError

DIFFERENTIAL = ROOT / "models" / "leukolens-differential"


def test_a_network_begins_with_a_bundles_weights():
    built = build("mobilenet_v2", Order(96, 96, 8, weights=DIFFERENTIAL))
    assert built.weights == "leukolens-differential 1.1.0"
    shipped = read_model(DIFFERENTIAL / MODEL)
    for name in ("Conv1", "block_8_project_BN", "logits"):
        for one, two in zip(
            built.model.get_layer(name).get_weights(), shipped.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, two)
    four = build("mobilenet_v2", Order(96, 96, 4, weights=DIFFERENTIAL)).model
    assert four.get_layer("logits").get_weights()[0].shape[1] == 4
    np.testing.assert_array_equal(four.get_layer("Conv1").get_weights()[0], shipped.get_layer("Conv1").get_weights()[0])


def test_another_network_is_refused():
    with pytest.raises(WeightsError, match=r"holds another network \(mobilenet_v2\): only 0 % of its weights fit"):
        build("squeezenet", Order(96, 96, 8, weights=DIFFERENTIAL))
