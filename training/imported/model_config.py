"""What a Keras file says of its network, read before anything of it is built: only Keras' own layers may be in it.

A file may name code that is then run: a Lambda holds Python, a custom layer asks for a class of its maker's, some
layers of Keras itself load files or other frameworks' code. So what may be built is listed, and all else is refused.
Files of Keras 2 are brought to what Keras 3 reads.
"""

from collections.abc import Callable, Iterator
from typing import Any

from smear.sentence import SentenceError

Config = dict[str, Any]
MODELS = frozenset({"Functional", "Model", "Sequential"})
OWN = """
InputLayer Activation ReLU LeakyReLU ELU PReLU Softmax Identity
Rescaling Normalization Resizing CenterCrop ZeroPadding2D Cropping2D UpSampling2D
Conv1D Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose Dense EinsumDense Embedding
BatchNormalization LayerNormalization GroupNormalization UnitNormalization RMSNormalization
MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D
GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D
Add Subtract Multiply Average Maximum Minimum Concatenate Dot
Flatten Reshape Permute RepeatVector
Dropout SpatialDropout1D SpatialDropout2D AlphaDropout GaussianDropout GaussianNoise ActivityRegularization
LSTM GRU SimpleRNN ConvLSTM2D Bidirectional TimeDistributed LSTMCell GRUCell SimpleRNNCell
Attention AdditiveAttention MultiHeadAttention
RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness RandomCrop
"""
LAYERS = frozenset(OWN.split())
PLACES = {"Functional": "keras.src.models.functional", "Model": "keras.src.models.functional", "Sequential": "keras"}
OPERATIONS = "keras.src.ops."  # where Keras 3 keeps what is written as arithmetic between two layers
PARTS = ("keras.", "builtins.")  # where initializers, regularizers, activations and policies come from
ENDS = ("input_layers", "output_layers")
NO_LONGER = {"DepthwiseConv2D": ("groups",)}  # entries of Keras 2 that Keras 3 does not know
# Arithmetic of Keras 2 with one number y, as the scale and the offset of a Rescaling.
ARITHMETIC: dict[str, Callable[[float], tuple[float, float]]] = {
    "math.truediv": lambda y: (1 / y, 0.0),
    "math.divide": lambda y: (1 / y, 0.0),
    "math.multiply": lambda y: (y, 0.0),
    "math.subtract": lambda y: (1.0, -y),
    "math.add": lambda y: (1.0, y),
    "__operators__.add": lambda y: (1.0, y),
}


class ModelFileError(SentenceError):
    """A model that cannot be imported; the sentence says why and what to do."""


def checked(config: Config) -> Config:
    """Return a model's configuration as Keras 3 reads it; ModelFileError where it names what is not Keras' own."""
    kind = config.get("class_name")
    if kind not in MODELS:
        raise ModelFileError(
            f"The model is of the class '{kind}', code that the file does not hold. Make it Sequential or functional,"
            " and save it again."
        )
    built = _model(config)
    _refuse_strange_parts(built)
    return built


def _model(config: Config) -> Config:
    inner = config.get("config")
    if isinstance(inner, list):  # a Sequential of early versions of Keras 2
        inner = {"name": "sequential", "layers": inner}
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        raise ModelFileError("The file does not say of what layers the model is. Save the whole model once more.")
    layers = _renumbered([_layer(layer) for layer in inner["layers"]])
    inner = inner | {key: _single(inner[key]) for key in ENDS if key in inner}
    return _placed(config, PLACES[config["class_name"]]) | {"config": inner | {"layers": layers}}


def _single(ends: object) -> object:
    """Return the one input or output of a model by itself; Keras 2 kept it as a list of one."""
    return ends[0] if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list) else ends


def _placed(part: Config, module: str) -> Config:
    """Return a layer or model where Keras 3 keeps its class; early files do not name a place, and need none."""
    return part | {"module": module} if part.get("module") else part


def _renumbered(layers: list[Config]) -> list[Config]:
    """Return layers whose models within count their calls from 0; Keras 2 began with 1, for their own making."""
    nested = {layer.get("name") for layer in layers if layer["class_name"] in MODELS}

    def node(inbound: object) -> object:
        if not isinstance(inbound, list):  # of Keras 3
            return inbound
        if inbound and isinstance(inbound[0], str) and inbound[0] in nested:
            return [inbound[0], max(0, inbound[1] - 1), *inbound[2:]]
        return [node(part) for part in inbound]

    return [
        layer | {"inbound_nodes": node(layer["inbound_nodes"])} if nested and "inbound_nodes" in layer else layer
        for layer in layers
    ]


def _layer(layer: Config) -> Config:
    kind, module = str(layer.get("class_name")), str(layer.get("module") or "")
    inner = layer.get("config")
    name = str(layer.get("name") or (inner.get("name") if isinstance(inner, dict) else "") or kind)
    if kind in MODELS:
        return _model(layer)
    if kind == "TFOpLambda":
        return _rescaling(layer, name)
    if module.startswith(OPERATIONS):
        return layer
    if kind == "Lambda":
        raise ModelFileError(
            f"The layer '{name}' is a Lambda, Python code within the file, which is never run here. Put a layer of"
            " Keras in its place, such as Rescaling, and save the model again."
        )
    if kind not in LAYERS or ">" in str(layer.get("registered_name")):
        raise ModelFileError(
            f"The layer '{name}' is of the kind '{kind}', which is none of Keras' own for pictures. Build the model of"
            " those, and save it again."
        )
    if not isinstance(inner, dict):
        raise ModelFileError(f"The file does not say how the layer '{name}' is made. Save the whole model once more.")
    inner = {key: value for key, value in inner.items() if key not in NO_LONGER.get(kind, ())}
    for wrapped in ("layer", "backward_layer", "cell"):
        if isinstance(inner.get(wrapped), dict):
            inner[wrapped] = _layer(inner[wrapped])
    return _placed(layer, "keras.layers") | {"config": inner}


def _rescaling(layer: Config, name: str) -> Config:
    """Return arithmetic that Keras 2 kept as an operation of TensorFlow, as a layer of Keras."""
    function = str(layer["config"].get("function"))
    try:
        (source, node, place, arguments), *others = layer["inbound_nodes"]
        number = float(arguments["y"])
        scale, offset = ARITHMETIC[function](number)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        others = [layer]
    if others:
        raise ModelFileError(
            f"'{name}' is an operation of TensorFlow ({function}) outside of the layers. Leave it out, or put a layer"
            " of Keras in its place, and save the model again."
        )
    inner = {"name": name, "dtype": "float32", "scale": scale, "offset": offset}
    return {"class_name": "Rescaling", "config": inner, "name": name, "inbound_nodes": [[[source, node, place, {}]]]}


def _refuse_strange_parts(config: Config) -> None:
    """Refuse whatever a layer is to be made with that comes from another package than Keras."""
    for part in _parts(config):
        module = part.get("module")
        if isinstance(module, str) and not f"{module}.".startswith(PARTS):
            raise ModelFileError(
                f"The model needs '{part.get('class_name')}' of '{module}', code that the file does not hold. Build it"
                " of Keras' own layers and functions, and save it again."
            )


def _parts(value: object) -> Iterator[Config]:
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for entry in value.values():
            yield from _parts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _parts(entry)
