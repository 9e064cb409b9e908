"""What cannot be imported says why in one sentence, and nothing that a file brings along is run."""

import json
import zipfile

import keras
import pytest

from tests.training.imported.conftest import SIDE, layers
from training.__main__ import main
from training.data.dataset import load
from training.data.manifest import DataError
from training.imported import importing, label_file, model_file
from training.imported.model_config import ModelFileError, checked


class Fashion(layers.Dense):
    """A layer of somebody's own."""


def picture():
    return layers.Input((SIDE, SIDE, 3))


def of(*parts):
    return keras.Sequential([picture(), *parts])


def two_outputs():
    given = picture()
    flat = layers.Flatten()(given)
    return keras.Model(given, [layers.Dense(2)(flat), layers.Dense(3)(flat)])


def two_inputs():
    given = picture(), picture()
    return keras.Model(given, layers.Dense(2)(layers.Flatten()(layers.Add()(given))))


def any_size():
    pooled = layers.GlobalAveragePooling2D()
    return keras.Sequential([layers.Input((None, None, 3)), pooled, layers.Dense(2)])


FLAT = layers.Flatten
REFUSED = {
    "lambda": (lambda: of(layers.Lambda(abs), FLAT(), layers.Dense(2)), "is a Lambda, Python code within the file"),
    "custom": (lambda: of(FLAT(), Fashion(2)), "of the kind 'Fashion', which is none of Keras' own"),
    "two outputs": (two_outputs, "The model has 2 outputs, and one is read"),
    "two inputs": (two_inputs, "The model takes 2 inputs, and pictures have"),
    "three outputs": (lambda: of(FLAT(), layers.Dense(3)), "tells 3 labels apart, and 2 are named"),
    "numbers": (lambda: keras.Sequential([layers.Input((9,)), layers.Dense(2)]), "takes input of the shape (9,)"),
    "grey": (lambda: keras.Sequential([layers.Input((64, 64, 1)), FLAT(), layers.Dense(2)]), "(64, 64, 1)"),
    "any size": (any_size, "The model takes pictures of any size"),
    "maps": (lambda: of(layers.Conv2D(2, 3)), "The model's output has the shape"),
    "tanh": (lambda: of(FLAT(), layers.Dense(2, activation="tanh")), "The model ends in 'tanh'"),
    "one softmax": (lambda: of(FLAT(), layers.Dense(1, activation="softmax")), "a softmax of one output"),
}


@pytest.fixture
def refusal(laboratory, tmp_path, capsys):
    """A function that imports a file and returns the one sentence that this ends with."""

    def asked(file):
        words = ["--labels", str(laboratory / "labels.csv"), "--data", str(laboratory / "data")]
        assert main(["import", str(file), *words, "--out", str(tmp_path / "run"), "--scaling", "unit"]) == 1
        streams = capsys.readouterr()
        assert not streams.out
        assert not (tmp_path / "run").exists()
        remark, sentence = streams.err.splitlines()
        assert remark.startswith("data: Folders")
        return sentence

    return asked


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_cannot_be_imported_says_why(kind, refusal, tmp_path):
    make, words = REFUSED[kind]
    make().save(tmp_path / "model.keras")
    assert words in refusal(tmp_path / "model.keras")


def test_a_folder_of_tensorflow_and_files_that_are_no_models_say_so(refusal, tmp_path):
    of(FLAT(), layers.Dense(2)).export(tmp_path / "saved", verbose=False)
    assert "is a SavedModel folder" in refusal(tmp_path / "saved")
    assert "is a folder and no file" in refusal(tmp_path)
    assert refusal(tmp_path / "gone.keras").startswith("There is no file")
    of(FLAT(), layers.Dense(2)).save_weights(tmp_path / "own.weights.h5")
    assert "holds weights alone" in refusal(tmp_path / "own.weights.h5")
    (tmp_path / "words.keras").write_text("a network", encoding="utf-8")
    assert "is neither a .keras nor an HDF5 file" in refusal(tmp_path / "words.keras")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert "config.json or model.weights.h5 is missing" in refusal(tmp_path / "empty.keras")
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        archive.writestr("config.json", "[")
        archive.writestr("model.weights.h5", "")
    assert "cannot be read as a Keras model (JSONDecodeError)" in refusal(tmp_path / "odd.keras")


def test_a_damaged_file_is_told(tmp_path):
    of(FLAT(), layers.Dense(2)).save(tmp_path / "whole.keras")
    data = bytearray((tmp_path / "whole.keras").read_bytes())
    data[-3000:-2000] = b"\0" * 1000
    (tmp_path / "whole.keras").write_bytes(data)
    with pytest.raises(ModelFileError, match=r"cannot be read as a Keras model|neither a"):
        model_file.read(tmp_path / "whole.keras")


def test_a_class_of_the_makers_own_is_told():
    with pytest.raises(ModelFileError, match="of the class 'Mine', code that the file does not hold"):
        checked({"class_name": "Mine", "config": {}})
    described = json.loads(of(FLAT(), layers.Dense(2)).to_json())
    described["config"]["layers"][-1]["config"]["kernel_initializer"]["module"] = "theirs.code"
    with pytest.raises(ModelFileError, match=r"of 'theirs\.code', code that the file does not hold"):
        checked(described)


def operation(function, inbound):
    config = {"name": "odd", "function": function}
    layer = {"class_name": "TFOpLambda", "name": "odd", "config": config, "inbound_nodes": inbound}
    return {"class_name": "Functional", "config": {"name": "m", "layers": [layer]}}


@pytest.mark.parametrize(
    ("function", "inbound"),
    [
        ("math.log", [["x", 0, 0, {"y": 2.0}]]),
        ("math.truediv", [["x", 0, 0, {"y": 0.0}]]),
        ("math.add", [["x", 0, 0, {"y": ["z", 0, 0]}]]),
        ("math.add", [["x", 0, 0, {}]]),
        ("math.add", []),
    ],
)
def test_an_operation_of_tensorflow_that_is_no_scaling_is_told(function, inbound):
    with pytest.raises(ModelFileError, match="'odd' is an operation of TensorFlow"):
        checked(operation(function, inbound))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Benign\n", "names 1 labels"),
        ("Benign\nBenign\n", "line 2: 'Benign' stands there twice"),
        ("Benign\nStrange\n", "line 2: what 'Strange' means is not known here"),
        ("id,name,meaning,malignant\nBenign\nodd,Odd,Odd cells.,perhaps\n", "'malignant' is yes or no, not 'perhaps'"),
        ("id,name\n,Odd\n", "line 2: the id is empty"),
    ],
)
def test_labels_that_cannot_be_used_name_the_line(text, words, tmp_path):
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        label_file.read(tmp_path / "labels.txt")


def test_labels_are_read_in_the_order_of_the_outputs(tmp_path):
    (tmp_path / "labels.txt").write_text("Pro\n\n Benign \n", encoding="utf-8")
    assert list(label_file.read(tmp_path / "labels.txt")) == ["Pro", "Benign"]
    (tmp_path / "labels.csv").write_text("id, malignant\nBenign, no\nPre, yes\n", encoding="utf-8")
    labels = label_file.read(tmp_path / "labels.csv")
    assert [text.malignant for text in labels.values()] == [False, True]
    (tmp_path / "latin.csv").write_bytes("Müller\n".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        label_file.read(tmp_path / "latin.csv")
    with pytest.raises(ValueError, match="There is no file"):
        label_file.read(tmp_path / "gone.txt")


def test_data_with_other_labels_than_the_model_is_told(laboratory, tmp_path, capsys):
    of(FLAT(), layers.Dense(3)).save(tmp_path / "three.keras")
    table = (laboratory / "labels.csv").read_text(encoding="utf-8")
    (tmp_path / "more.csv").write_text(table + "other,Other,Something else.,no\n", encoding="utf-8")
    (tmp_path / "others.txt").write_text("Benign\nPre\nPro\n", encoding="utf-8")
    for labels, words in (
        ("more.csv", "Of 'other' the data has no picture"),
        ("others.txt", "does not know the label"),
    ):
        words_of = [
            "--labels",
            str(tmp_path / labels),
            "--data",
            str(laboratory / "data"),
            "--out",
            str(tmp_path / "o"),
        ]
        assert main(["import", str(tmp_path / "three.keras"), *words_of]) == 1
        assert words in capsys.readouterr().err


def test_a_table_of_labels_is_read_as_a_spreadsheet_writes_it(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("id;name;meaning;malignant\nX;Few, or none;Nothing.;no\nY;Many;A lot.;yes\n", encoding="utf-8")
    assert {label: text.name for label, text in label_file.read(file).items()} == {"X": "Few, or none", "Y": "Many"}
    file.write_text("id,malignant\nBenign,no,yes\nPre,yes\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: there are 3 values, and the first line names 2 columns"):
        label_file.read(file)


def test_a_run_that_holds_another_draft_is_refused(laboratory, tmp_path):
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / "card.json").write_text("{}", encoding="utf-8")
    candidate = importing.Candidate(tmp_path / "model.keras", {}, "field", tmp_path)
    with pytest.raises(DataError, match="holds 'another', and publish takes one draft from a folder"):
        importing.look(candidate, load(laboratory / "data"), print)
