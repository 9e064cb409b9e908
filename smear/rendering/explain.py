"""The slower maps, by tf-keras-vis: a second opinion on where a network looks.

What is shown with every reading comes in closed form from the forward pass (`smear.inference.network`); here the
gradients are really taken, or the picture really masked. Grad-CAM (Selvaraju et al. 2017) is the oracle for the closed
form in the tests. Grad-CAM++ (Chattopadhay et al. 2018) weighs every place of a channel by itself, Score-CAM (Wang et
al. 2020) uses no gradient but what a masked picture scores, SmoothGrad (Smilkov et al. 2017) tells which pixels move
the logit.

Two defaults of tf-keras-vis are switched off. It looks for a convolution before the layer it was given and explains
that one instead, so that the map of a pooled activation would be another layer's. And it stretches every map from its
least to its largest value, which hides how much of it lies everywhere.
"""

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.engines.keras_engine import JOIN, two_logits
from smear.inference.tta import mean_upright, turned

if TYPE_CHECKING:
    from smear.inference.bundle import Bundle

METHODS = ("grad-cam", "grad-cam++", "score-cam", "smoothgrad")
SCORE_CAM_CHANNELS = 64  # those that vary most over the picture; each costs a forward pass ("Faster Score-CAM")
SMOOTHGRAD_SAMPLES = 16
SMOOTHGRAD_NOISE = 0.15  # of the span of the picture's values; the authors saw 0.1 to 0.2 work


def explain(bundle: "Bundle", batch: Array, label_index: int, method: str = "grad-cam") -> Array:
    """Return where one label's evidence lies: float32 (h, w) in 0..1, all zero when there is no positive evidence.

    `batch` is one prepared picture, float32 RGB (1, H, W, 3) in 0..255. The grid is that of the explanation layer;
    SmoothGrad's is the picture's. Raises ValueError for another shape, an unknown method or label, and for a network
    that has no such layer. Takes from tenths of a second to several seconds.
    """
    values = evidence(bundle, batch, label_index, method)
    largest = float(values.max())
    return values / np.float32(largest) if largest > 0 else values


def evidence(bundle: "Bundle", batch: Array, label_index: int, method: str = "grad-cam") -> Array:
    """Return the same map as `explain`, float32 (h, w) >= 0, in the method's own units."""
    model = two_logits(bundle.network.model)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if batch.ndim != 4 or len(batch) != 1 or batch.shape[3] != 3:
        raise ValueError(f"expected one picture as (1, H, W, 3), got {batch.shape}")
    if not 0 <= label_index < model.output.shape[-1]:
        raise ValueError(f"label {label_index} is not one of the model's {model.output.shape[-1]}")
    batch = np.asarray(batch, np.float32)
    which = bundle.network.orientations_of(batch)
    listed = _listed(model)  # once for all views: Keras traces a model anew that it has not seen
    views = [_of_one_view(listed, view[None], label_index, method, bundle) for view in turned(batch, which)]
    return mean_upright(np.stack(views)[..., None], which)[0, ..., 0]


def _of_one_view(model: Any, batch: Array, label_index: int, method: str, bundle: "Bundle") -> Array:
    """Return the map of a picture in one orientation, as it lies there."""
    if method == "smoothgrad":
        return _smoothgrad(model, batch, label_index)
    layers = bundle.card.explanation_layer
    if not layers:
        raise ValueError(f"this network has no layer with a place in the picture, so no map by {method}")
    maps = [_class_activation(model, batch, label_index, method, layer) for layer in layers.split(JOIN)]
    largest = max(layer_map.shape for layer_map in maps)
    result: Array = np.sum(
        [cv2.resize(layer_map, largest[::-1], interpolation=cv2.INTER_LINEAR) for layer_map in maps], axis=0
    )
    return result


def _tf_keras_vis() -> tuple[Any, ...]:
    """Import it late, for TensorFlow's sake, and without what it says of SciPy's old names."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*scipy.ndimage", category=DeprecationWarning)
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.saliency import Saliency
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.scores import CategoricalScore
    return Gradcam, GradcamPlusPlus, Scorecam, Saliency, CategoricalScore


def _listed(model: Any) -> Any:
    """The same network the way tf-keras-vis calls it: with a list of inputs, and `predict` without a progress bar."""
    import keras

    listed = keras.Model([model.input], model.output)
    listed.predict = partial(listed.predict, verbose=0)
    return listed


def _class_activation(model: Any, batch: Array, label_index: int, method: str, layer: str) -> Array:
    gradcam, gradcam_plus_plus, scorecam, _, categorical = _tf_keras_vis()
    settings: dict[str, Any] = {
        "penultimate_layer": layer,
        "seek_penultimate_conv_layer": False,
        "expand_cam": False,
        "normalize_cam": False,
    }
    if method == "score-cam":
        channels = int(model.get_layer(layer).output.shape[-1])
        settings["max_N"] = min(SCORE_CAM_CHANNELS, channels)
    kind = {"grad-cam": gradcam, "grad-cam++": gradcam_plus_plus, "score-cam": scorecam}[method]
    # The model gives logits, so nothing has to be replaced to be linear; Score-CAM applies the softmax itself.
    cam = kind(model)(categorical([label_index]), batch, **settings)
    result: Array = np.maximum(np.asarray(cam, np.float32)[0], 0)
    return result


def _smoothgrad(model: Any, batch: Array, label_index: int) -> Array:
    *_, saliency, categorical = _tf_keras_vis()
    # tf-keras-vis draws from NumPy's global generator; drawn here, the same picture gets the same map.
    sigma = SMOOTHGRAD_NOISE * float(np.ptp(batch))
    noise = np.random.default_rng(0).normal(0, sigma, (SMOOTHGRAD_SAMPLES, *batch.shape[1:]))
    noisy = (batch + noise).astype(np.float32)
    score = categorical([label_index] * len(noisy))
    gradients = saliency(model)(score, noisy, keepdims=True, normalize_map=False)
    result: Array = np.asarray(gradients, np.float32).mean(axis=0).max(axis=-1)
    return result
