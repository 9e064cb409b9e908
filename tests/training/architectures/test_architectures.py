"""The layer tables of the published works, flat graphs, and weights that come from where the blueprint says."""

from collections import Counter

import numpy as np
import pytest

from training.architectures import UnknownArchitectureError, build, pretrained
from training.architectures.blueprint import Order, Recurrence


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def table(model, *wanted):
    """The output shapes of the layers of some kinds, in order."""
    return [layer.output.shape[1:] for layer in model.layers if type(layer).__name__ in wanted]


def test_the_simple_cnn_of_abed_is_that_of_the_table():
    model = build("abed_simple_cnn", Order(257, 257, 2)).model
    assert model.count_params() == 59_075_905
    assert kinds(model)[2:] == ["Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Conv2D", "Flatten", *["Dense"] * 2]
    assert table(model, "Conv2D") == [(255, 255, 32), (125, 125, 64), (60, 60, 128)]
    assert table(model, "Dense") == [(128,), (1,)]
    assert build("abed_simple_cnn", Order(64, 64, 4)).model.output.shape == (None, 4)


def test_cml1_has_its_23_layers():
    model = build("cml1", Order(64, 64, 5)).model
    counts = Counter(kinds(model)[2:])  # behind the input and the scaling
    assert counts == {
        **{"Conv2D": 5, "MaxPooling2D": 5, "BatchNormalization": 6, "Flatten": 1, "Dense": 3, "Dropout": 2},
    }
    softmax = 1  # applied by serving
    assert counts.total() + softmax == 23


def test_bushis_basic_cnn_is_three_blocks_of_128():
    model = build("bushi_basic_cnn", Order(128, 128, 2, hidden=(64,))).model
    assert table(model, "Conv2D") == [(126, 126, 128), (61, 61, 128), (28, 28, 128)]
    assert all(layer.strides == (1, 1) for layer in model.layers if type(layer).__name__ == "Conv2D")
    assert table(model, "Dense") == [(64,), (1,)]


def test_alexnet_has_torchvisions_convolutions_and_4096_values_before_the_last_layer():
    model = build("alexnet", Order(227, 227, 5)).model
    assert table(model, "Conv2D") == [(56, 56, 64), (27, 27, 192), *[(13, 13, n) for n in (384, 256, 256)]]
    assert table(model, "MaxPooling2D")[-1] == (6, 6, 256)
    assert table(model, "Dense") == [(4096,), (4096,), (5,)]


def test_squeezenet_and_lite0_have_as_many_parameters_as_published():
    # torchvision's SqueezeNet 1.1: 1,235,496 with 1000 classes, whose last convolution has 513,000 of them.
    assert build("squeezenet", Order(64, 64, 2)).model.count_params() == 1_235_496 - 513_000 + 2 * 513
    # lite0 of the TPU repository: 4,652,008 trainable with 1000 classes, whose last layer has 1,281,000 of them.
    lite0 = build("efficientnet_lite0", Order(64, 64, 2)).model
    trainable = sum(int(np.prod(one.shape)) for one in lite0.trainable_weights)
    assert trainable == 4_652_008 - 1_281_000 + 2 * 1281


@pytest.mark.parametrize(
    ("name", "convolutions"),
    [("vgg19", 16), ("resnet101", 100 + 4), ("densenet169", 168), ("densenet201", 200)],  # ResNet's 4 are short cuts
)
def test_a_deeper_network_has_the_convolutions_of_its_name(name, convolutions):
    model = build(name, Order(48, 48, 2)).model
    assert kinds(model).count("Conv2D") == convolutions


def test_efficientnet_b7_has_as_many_parameters_as_published():
    # The TPU repository's B7 has 66,658,687 with 1000 classes, whose last layer has 2,561,000 of them.
    assert build("efficientnet_b7", Order(48, 48, 2)).model.count_params() - 2 * 2561 == 66_658_687 - 2_561_000


def test_googlenet_has_nine_inception_modules_and_the_papers_widths():
    model = build("googlenet", Order(64, 64, 4)).model
    widths = [layer.output.shape[-1] for layer in model.layers if layer.name.startswith("inception")]
    assert widths == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_the_fusion_is_that_of_khan():
    blueprint = build("xincept", Order(75, 75, 4))
    layers = {layer.name: layer for layer in blueprint.model.layers}
    for branch in ("xception", "inception_v3"):
        assert layers[f"{branch}_hidden"].units == 64
        assert layers[f"{branch}_hidden"].activation.__name__ == "relu"
        assert layers[f"{branch}_answer"].units == 4
        assert float(layers[f"{branch}_answer"].kernel_regularizer.l2) == pytest.approx(0.01)
    assert layers["fused"].output.shape == (None, 8)
    assert [layers[name].units for name in ("fused128", "fused64")] == [128, 64]
    assert blueprint.explanation_layer == "block14_sepconv2_act+mixed10"
    assert {"fused128", "logits", "xception_hidden", "xception_pool"} <= set(blueprint.head)
    assert float(layers["logits"].kernel_regularizer.l2) == pytest.approx(0.01)
    other = build("xincept", Order(75, 75, 4, activation="gelu")).model
    assert other.get_layer("inception_v3_hidden").activation.__name__ == "gelu"
    assert other.get_layer("fused64").activation.__name__ == "gelu"


def test_the_depthwise_fusion_has_no_ordinary_convolution_of_more_than_a_pixel():
    import keras

    plain, depthwise = build("xincept", Order(75, 75, 4)), build("xincept_depthwise", Order(75, 75, 4))
    convolutions = [layer for layer in depthwise.model.layers if type(layer) is keras.layers.Conv2D]
    assert {tuple(layer.kernel_size) for layer in convolutions} == {(1, 1)}
    assert depthwise.model.count_params() < plain.model.count_params()
    assert depthwise.explanation_layer == plain.explanation_layer
    assert depthwise.weights == "xception random; inception_v3 random"
    assert depthwise.head == plain.head


def test_a_head_has_the_penalty_and_the_activation_that_are_ordered():
    order = Order(48, 48, 2, hidden=(8,), activation="gelu", l2=0.05)
    model = build("mobilenet_v2", order).model
    assert model.get_layer("hidden1").activation.__name__ == "gelu"
    for name in ("hidden1", "logits"):
        assert float(model.get_layer(name).kernel_regularizer.l2) == pytest.approx(0.05)
    assert build("mobilenet_v2", Order(48, 48, 2)).model.get_layer("logits").kernel_regularizer is None


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrent_network_reads_rows_and_has_no_map(cell):
    blueprint = build("odrnn", Order(48, 32, 5, recurrence=Recurrence(cell, (16, 8), "tanh")))
    assert blueprint.explanation_layer == ""
    assert blueprint.model.get_layer("rows").output.shape == (None, 48, 96)
    assert table(blueprint.model, cell.upper()) == [(48, 16), (8,)]


def test_the_colour_network_computes_the_statistics_of_the_baseline(tmp_path):
    import keras

    from training.data.ablations import colour_statistics

    blueprint = build("colour_statistics", Order(40, 30, 4))
    assert blueprint.explanation_layer == ""
    blueprint.model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    served = keras.Model(model.input, model.get_layer("statistics").output)
    given = served.predict(picture[None].astype(np.float32), verbose=0)[0]
    scale = np.repeat([[1, -1], [1, 0], [1, -1]], [3, 3, 9], axis=0)  # all but deviations are moved as well
    np.testing.assert_allclose(given, colour_statistics(picture) / 127.5 * scale[:, 0] + scale[:, 1], atol=0.01)


@pytest.mark.parametrize("name", ["mobilenet", "vgg16", "densenet121", "efficientnet_b0"])
def test_graphs_are_flat_end_in_logits_and_hold_their_scaling(name):
    blueprint = build(name, Order(64, 64, 3, dropout=0.1, hidden=(8,)))
    assert not {"Functional", "Lambda"} & set(kinds(blueprint.model))
    last = blueprint.model.layers[-1]
    assert last.activation.__name__ == "linear"
    assert blueprint.model.get_layer("hidden1").units == 8
    assert blueprint.head == ("pool", "hidden1", "dropout", "logits") or name.startswith("vgg")
    assert len(blueprint.model.get_layer(blueprint.explanation_layer).output.shape) == 4
    assert blueprint.weights == "random"


def test_the_mean_image_is_subtracted_in_the_graph_and_saved_with_it(tmp_path):
    import keras

    random = np.random.default_rng(0)
    mean = random.uniform(80, 200, (48, 48, 3)).astype(np.float32)
    pictures = random.uniform(0, 255, (2, 48, 48, 3)).astype(np.float32)
    model = build("densenet121", Order(48, 48, 2, mean_image=mean)).model
    model.save(tmp_path / "model.keras")
    for one in (model, keras.models.load_model(tmp_path / "model.keras", safe_mode=True)):
        scaled = keras.Model(one.input, one.get_layer("scale").output).predict(pictures, verbose=0)
        np.testing.assert_allclose(scaled, pictures - mean, atol=1e-4)
    assert "1.0" not in str(model.get_layer("mean_image").get_config().get("mean"))  # in the weights, not the text


def test_weights_are_read_by_class_and_order_and_vgg_takes_rgb(tmp_path):
    import keras

    keras.utils.set_random_seed(3)
    source = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    source.save_weights(tmp_path / "vgg16.weights.h5")
    mean = np.full((32, 32, 3), 120, np.float32)
    for image in (None, mean):
        blueprint = build("vgg16", Order(32, 32, 2, weights=tmp_path, mean_image=image))
        assert blueprint.weights == "ImageNet (vgg16.weights.h5)"
        pictures = np.random.default_rng(1).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
        less = pictures - ((123.68, 116.779, 103.939) if image is None else image)
        expected = source.predict(less[..., ::-1], verbose=0)  # as keras' own preprocessing gives it: BGR
        mine = keras.Model(blueprint.model.input, blueprint.model.get_layer("block5_pool").output)
        np.testing.assert_allclose(mine.predict(pictures, verbose=0), expected, atol=1e-4)


def test_a_missing_file_of_weights_is_said_and_a_wrong_one_refused(tmp_path):
    import keras

    order = Order(32, 32, 2, weights=tmp_path)
    assert build("mobilenet", order).weights.startswith("random: there is no mobilenet.weights.h5")
    with pytest.raises(pretrained.WeightsError, match="no folder"):
        build("mobilenet", Order(32, 32, 2, weights=tmp_path / "nothing"))
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "mobilenet.weights.h5")
    with pytest.raises(pretrained.WeightsError, match="no weights for the layer conv1"):
        build("mobilenet", order)


def test_weights_that_cannot_be_fetched_leave_random_ones_and_say_so():
    import keras

    def cut_off():
        raise OSError("no route to host")

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    order = Order(32, 32, 2, weights="imagenet")
    assert "could not be fetched (OSError)" in pretrained.give(model, "mobilenet", order, cut_off)
    twin = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert pretrained.give(model, "mobilenet", order, lambda: twin) == "ImageNet (keras.applications)"
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])
    assert "nobody publishes" in build("squeezenet", Order(64, 64, 2, weights="imagenet")).weights


def test_unknown_names_and_inputs_that_are_too_small_are_refused():
    with pytest.raises(UnknownArchitectureError, match="no architecture 'resnet9000'"):
        build("resnet9000", Order(64, 64, 2))
    with pytest.raises(UnknownArchitectureError, match="does not take an input of 40 x 40"):
        build("inception_v3", Order(40, 40, 2))


def test_the_texture_network_ends_where_shape_begins_and_has_one_dense_layer():
    blueprint = build("mobilenet_v2_texture", Order(64, 64, 2))
    model = blueprint.model
    assert blueprint.explanation_layer == "block_3_expand_relu"
    assert not [layer.name for layer in model.layers if layer.name.startswith(("block_4", "block_5"))]
    assert table(model, "GlobalAveragePooling2D") == [(96,), (144,), (144,)]
    assert kinds(model)[-4:] == ["GlobalAveragePooling2D", "Concatenate", "Dropout", "Dense"]
    assert set(blueprint.head) == {layer.name for layer in model.layers[-6:]}
