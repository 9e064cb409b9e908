"""Models as others save them, made on the spot: their last layer knows the drawings, the rest is as it was drawn."""

import json

import h5py
import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import preprocess
from smear.inference.card import Input
from smear.segmentation.find import find

SIDE, PICTURES, PATIENTS = 64, 14, 7
KINDS = ("leukemic", "sparse")
TABLE = "id,name,meaning,malignant\nsparse,Few,Few leukocytes.,no\nleukemic,Many,Many leukocytes.,yes\n"
layers = keras.layers


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory):
    """Drawings of two labels and fourteen patients, and the labels in the order that the models give them in."""
    folder = tmp_path_factory.mktemp("laboratory")
    for kind in KINDS:
        for seed in range(PICTURES):
            place = folder / "data" / kind / f"{kind}-{seed % PATIENTS}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{seed:02}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
    (folder / "labels.csv").write_text(TABLE, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def shown():
    """The drawings as a network of SIDE px is shown them, uint8, and which are leukemic: the second output."""
    steps = preprocess.chain((), Input(SIDE, SIDE))
    rgb = [
        preprocess.run(steps, preprocess.begin(find(synthetic.field(seed, kind, 224)))).rgb
        for kind in KINDS
        for seed in range(PICTURES)
    ]
    return np.stack(rgb), np.repeat([1, 0], PICTURES)


def taught(features, dense, pictures, targets):
    """Set the weights of `dense` so that it tells `targets` from what the model `features` gives for `pictures`."""
    known = features.predict(pictures, verbose=0)
    scaler = StandardScaler().fit(known)
    fitted = LogisticRegression(max_iter=500).fit(scaler.transform(known), targets)
    kernel = (fitted.coef_[0] / scaler.scale_)[:, None]
    bias = fitted.intercept_ - scaler.mean_ @ kernel
    if dense.units == 2:
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    dense.set_weights([kernel, bias])


def mobilenet(shown):
    """A MobileNetV2 with softmax; its pictures were scaled to -1..1 before it."""
    pictures, targets = shown
    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), alpha=0.35, pooling="avg"
    )
    dense = layers.Dense(2, activation="softmax")
    model = keras.Model(base.input, dense(layers.Dropout(0.2)(base.output)))
    taught(base, dense, pictures / 127.5 - 1, targets)
    return model


def sequential(shown, blue_first=False):
    """A Sequential network as VGG's, that ends in one sigmoid; its pictures were scaled to 0..1."""
    pictures, targets = shown
    model = keras.Sequential([layers.Input((SIDE, SIDE, 3))])
    for filters in (8, 16):
        model.add(layers.Conv2D(filters, 3, activation="relu", padding="same"))
        model.add(layers.MaxPooling2D(4))
    for layer in (layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(1, activation="sigmoid")):
        model.add(layer)
    features = keras.Model(model.inputs, model.layers[-2].output)
    taught(features, model.layers[-1], (pictures[..., ::-1] if blue_first else pictures) / 255, targets)
    return model


def nested(shown):
    """An EfficientNet within a Sequential, with pictures turned in training and the scaling inside."""
    pictures, targets = shown
    base = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))
    dense = layers.Dense(2)
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 3)),
            layers.RandomFlip(),
            base,
            layers.GlobalAveragePooling2D(),
            dense,
            layers.Activation("softmax"),
        ]
    )
    features = keras.Sequential([layers.Input((SIDE, SIDE, 3)), base, layers.GlobalAveragePooling2D()])
    taught(features, dense, pictures.astype(np.float32), targets)
    return model


def written_by_keras_2(shown, file):
    """Write an HDF5 file as Keras 2.15 wrote it: a nested network, arithmetic of TensorFlow, entries no longer known.

    Keras 3 lays weights out as Keras 2 did; what differed is how the network was described.
    """
    pictures, targets = shown
    given = layers.Input((SIDE, SIDE, 3), name="input_2")
    convolved = layers.Conv2D(12, 5, strides=2, activation="relu", name="conv2d")(given)
    inner = keras.Model(given, layers.DepthwiseConv2D(3, activation="relu", name="depthwise_conv2d")(convolved))
    inner.name = "backbone"
    outer = layers.Input((SIDE, SIDE, 3), name="input_1")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name="tf.math.subtract")(outer)
    pooled = layers.GlobalAveragePooling2D(name="global_average_pooling2d")(inner(scaled))
    dense = layers.Dense(2, activation="softmax", name="dense")
    model = keras.Model(outer, dense(pooled), name="model")
    taught(keras.Model(outer, pooled), dense, pictures.astype(np.float32), targets)
    model.save(file)

    def entry(kind, name, config, *nodes):
        inbound = [[[*node, {}] for node in nodes]] if nodes else []
        return {"class_name": kind, "name": name, "config": config | {"name": name}, "inbound_nodes": inbound}

    def operation(name, function, source, number):
        config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
        nodes = [[source, 0, 0, {"y": number, "name": None}]]
        return {"class_name": "TFOpLambda", "name": name, "config": config, "inbound_nodes": nodes}

    picture = {"batch_input_shape": [None, SIDE, SIDE, 3], "dtype": "float32", "sparse": False, "ragged": False}
    convolution = {"kernel_size": [5, 5], "strides": [2, 2], "filters": 12, "activation": "relu", "groups": 1}
    depthwise = {"kernel_size": [3, 3], "activation": "relu", "groups": 1, "depth_multiplier": 1}
    described = {
        "name": "model",
        "trainable": True,
        "layers": [
            entry("InputLayer", "input_1", picture),
            operation("tf.math.truediv", "math.truediv", "input_1", 127.5),
            operation("tf.math.subtract", "math.subtract", "tf.math.truediv", 1.0),
            entry(
                "Functional",
                "backbone",
                {
                    "trainable": True,
                    "layers": [
                        entry("InputLayer", "input_2", picture),
                        entry("Conv2D", "conv2d", convolution, ["input_2", 0, 0]),
                        entry("DepthwiseConv2D", "depthwise_conv2d", depthwise, ["conv2d", 0, 0]),
                    ],
                    "input_layers": [["input_2", 0, 0]],
                    "output_layers": [["depthwise_conv2d", 0, 0]],
                },
                ["tf.math.subtract", 0, 0],
            ),
            entry("GlobalAveragePooling2D", "global_average_pooling2d", {}, ["backbone", 1, 0]),
            entry("Dense", "dense", {"units": 2, "activation": "softmax"}, ["global_average_pooling2d", 0, 0]),
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    }
    with h5py.File(file, "r+") as stored:
        stored.attrs["keras_version"] = "2.15.0"
        stored.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": described})
    return model


@pytest.fixture(scope="session")
def models(shown, tmp_path_factory):
    """Files of four models that others could have saved, by name, each with what it answers to the drawings."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    made = {"mobilenet.keras": mobilenet, "sequential.h5": sequential, "nested.keras": nested}
    files = {}
    for name, make in made.items():
        files[name] = folder / name
        make(shown).save(files[name])
    files["keras2.h5"] = folder / "keras2.h5"
    written_by_keras_2(shown, files["keras2.h5"])
    return files
