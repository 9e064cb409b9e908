"""Every recipe loads, builds, takes a step and becomes a bundle that is read; a wrong one is refused with its line."""

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from smear.inference.card import Input
from smear.inference.field_reader import Reader
from smear.inference.preprocess import begin, chain
from smear.inference.preprocess import run as run_steps
from smear.inference.reading import NO_MAP
from smear.segmentation.find import find
from training.__main__ import main
from training.augmentation.augment import augment
from training.data.dataset import load as load_dataset
from training.data.manifest import DataError
from training.fit.experiment import draft
from training.fit.run import Material, Run
from training.recipes import recipe as recipes
from training.recipes.headers import described
from training.recipes.line_numbers import line_of
from training.recipes.loading import FOLDER, RENAMED, RecipeError, load, names
from training.recipes.of_cards import refusal_of

BASES = sorted(path.stem for path in FOLDER.glob("*.toml"))
REQUIRED = """
abed-densenet169 abed-vgg19 abed-simple-cnn murtoza-inceptionv3 murtoza-resnet50 murtoza-vgg16 murtoza-vgg19
khan-xincept khan-xincept-xgboost khan-xincept-svm khan-xincept-knn khan-xincept-adaboost khan-xincept-logistic
khan-xincept-random-forest khan-xincept-lightgbm khan-cnn-lstm khan-googlenet khan-vggnet khan-resnet khan-inceptionv3
khan-xception lubna-resnet50 lubna-resnet101 lubna-densenet201 lubna-mobilenet lubna-vgg19 lubna-efficientnetb7
murtoza-xception murtoza-resnet101 murtoza-mobilenet murtoza-densenet121 murtoza-efficientnetb0
murtoza-inceptionv3-segmented murtoza-resnet50-segmented murtoza-vgg16-segmented murtoza-vgg19-segmented
khan-xincept-gelu khan-xincept-gelu-xgboost khan-xincept-binary khan-xincept-depthwise bushi-alexnet-tenfold
lubna-cml1 bushi-basic-cnn bushi-alexnet-tree bushi-alexnet-lda bushi-alexnet-svm-linear bushi-alexnet-svm-rbf
bushi-alexnet-svm-cubic bushi-alexnet-knn1 bushi-alexnet-finetuned bushi-odrnn leukolens-field colour-forest
"""
SIDES = {
    "inception_v3": 75,
    "xincept": 75,
    "xincept_depthwise": 75,
    "xception": 75,
    "alexnet": 80,
    "googlenet": 64,
    "odrnn": 20,
}  # px; others 48
PICTURES = 6


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Six drawings of two labels."""
    folder = tmp_path_factory.mktemp("few")
    for kind in ("leukemic", "sparse"):
        label = {"leukemic": "ALL", "sparse": "healthy"}[kind]
        (folder / label).mkdir()
        for seed in range(PICTURES // 2):
            (folder / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, kind, 160), "PNG"))
    return load_dataset(folder)


def test_the_published_systems_and_ours_are_all_there():
    assert set(REQUIRED.split()) <= set(names())


@pytest.mark.parametrize("name", BASES)
def test_a_published_recipe_says_its_source_what_was_reported_and_the_flaw(name):
    text, recipe = (FOLDER / f"{name}.toml").read_text(encoding="utf-8"), load(name)
    assert recipe.name == name
    header = text.partition("\n\nname")[0]
    if name.startswith("leukolens-") or name == "colour-forest":
        assert "Command:" in header
        assert "Expected:" in header
        return
    parts = described(name)
    assert "Source: " in parts.title
    assert min(map(len, (parts.published, parts.ours, parts.differs))) > 40
    assert parts.reported == f"{recipe.published.reported}. Flaw: {recipe.published.flaw}"
    assert recipe.published.reported
    assert recipe.published.flaw


@pytest.mark.parametrize("name", BASES)
def test_a_recipe_prepares_a_picture_and_changes_it_as_it_says(name, few):
    """Steps and augmentation, which differ from recipe to recipe where the network is the same."""
    recipe = small(load(name))
    prepared = run_steps(chain(recipe.preprocess, recipe.input), begin(find(few.picture(0)))).rgb
    changed = augment(prepared, recipe.augmentation, 7)
    assert prepared.shape == changed.shape == (recipe.input.height, recipe.input.width, 3)
    assert prepared.dtype == changed.dtype == np.uint8
    np.testing.assert_array_equal(changed, augment(prepared, recipe.augmentation, 7))


# What makes these builds their smaller relatives too, with fewer layers; how many they have is tested with the graphs.
DEEPER = {"densenet169", "densenet201", "efficientnet_b7", "resnet101", "vgg19"}


def networks():
    """The first recipe of every network but the `DEEPER`, one that freezes a part of it, and two with a classifier."""
    by_architecture = {load(name).architecture: name for name in reversed(BASES)}
    frozen = next(name for name in BASES if load(name).schedule.frozen and load(name).architecture not in DEEPER)
    every = [name for architecture, name in by_architecture.items() if architecture not in DEEPER]
    return [*dict.fromkeys([*every, frozen]), "khan-xincept-xgboost", "bushi-alexnet-tree"]


def small(recipe):
    """The same kind of network for a small picture and one step."""
    side = SIDES.get(recipe.architecture, 48)
    search = (
        structs.replace(recipe.search, population=3, generations=1, epochs=1)
        if recipe.search.population
        else recipe.search
    )
    few = {"epochs": 1, "steps": 0, "copies": 1, "evened": False, "head_epochs": 0, "patience": 0, "batch_size": 4}
    schedule = structs.replace(recipe.schedule, **few, outlier_exposure=0)
    return structs.replace(recipe, input=Input(side, side), schedule=schedule, search=search)


@pytest.mark.parametrize("name", networks())
@pytest.mark.usefixtures("eagerly")
def test_a_recipe_takes_a_step_and_becomes_a_bundle_that_is_read(name, few, tmp_path):
    recipe = small(load(name))
    lines = []
    run = Run(Material(recipe, few), None, tmp_path, lines.append)
    folder = draft(run, np.array([0, 1, 3, 4]), np.array([2, 5]))
    reader = Reader(bundle.load(folder))
    reading = reader.read(few.bytes_of(0))
    other = "normal" if "healthy" in recipe.merge.get("normal", ()) else "healthy"
    assert set(reading.suggestion.probabilities) == {"ALL", other}
    assert sum(reading.suggestion.probabilities.values()) == pytest.approx(1)
    assert any("epoch 1/1: loss" in line for line in lines)
    assert not [path for path in tmp_path.iterdir() if path.name in ("epochs", "head-epochs", "best")]
    if recipe.architecture in ("odrnn", "colour_statistics"):
        assert reading.maps.size == 0
        assert NO_MAP in reading.notes
    else:
        assert reading.maps.shape[0] == 2
        assert min(reading.maps.shape[1:]) >= 1
        assert bool([note for note in reading.notes if "classifier" in note]) == (recipe.head.classifier != "dense")


def write(tmp_path, text, *changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "changed.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "where", "sentence"),
    [
        ("batch_size = 8", "batch_size = 8\ncopies = 0", "copies", "schedule.copies: once is the least"),
        (
            "batch_size = 8",
            'batch_size = 8\ndecay = "plateau"\nvalidation_split = false',
            "decay",
            "schedule.decay: it goes by the part that is held back",
        ),
        ("[schedule]", "[head]\nl2 = -1.0\n[schedule]", "l2", "head.l2: may not be negative"),
        (
            "[schedule]",
            "[published]\naugmented_copies = 2\nenlarged_to = 60\n[schedule]",
            "enlarged_to",
            "published.enlarged_to: copies are made by number or up to a number",
        ),
        (
            "[schedule]",
            "[search]\nweight_generations = 3\n[schedule]",
            "weight_gen",
            "search.weight_generations: there is no herd",
        ),
        ("[schedule]", "[merge]\nodd = ['sparse']\n[schedule]", "odd", r"merge.odd: nothing says what 'odd' means"),
        ("[schedule]", "[merge]\nALL = []\n[schedule]", "ALL = ", "merge.ALL: no label is named"),
        (
            "[schedule]",
            "[merge]\nALL = ['a', 'b']\nnormal = ['b']\n[schedule]",
            "normal = ",
            "merge.normal: 'b' is 'ALL' already. Name it once",
        ),
        (
            "[schedule]",
            "[merge]\nALL = ['normal']\nnormal = ['b']\n[schedule]",
            "ALL = ",
            "merge.ALL: 'normal' is itself made of others",
        ),
        ("epochs = 2", 'epochs = "two"', "epochs", "schedule.epochs: expected int, got str"),
        ("epochs = 2", "epoch = 2", "epoch =", "schedule.epoch: unknown entry"),
        ("width = 64", 'width = "64"', "input", "input.width: expected int, got str"),
        ('name = "only_leukocytes"', 'name = "only_cells"', "only_cells", r"preprocess\[1\].name: no such step"),
        ("rotation = 10", 'pipeline = "dance"', "pipeline", "augmentation.pipeline: one of 'stain'"),
        ('architecture = "squeezenet"', 'architecture = "resnet9"', "resnet9", "architecture: there is no such"),
        ("epochs = 2", "epochs = 0", "epochs", "schedule.epochs: has to be above 0"),
        ("width = 64", "width = 64, depth = 3", "input", "input.depth: unknown entry. Known: height, width."),
        (
            'name = "median"',
            'name = "median"\nsize = 3',
            "size = 3",
            r"preprocess\[0\].size: unknown entry. Known: name, parameters.",
        ),
        ("rotation = 10", "zoom = [1.0]", "zoom", "augmentation.zoom: expected array of length 2"),
        ("epochs = 2", "epochs = true", "epochs", "schedule.epochs: expected int, got bool"),
        ('meaning = "Few leukocytes."', 'means = "x"', "means", "labels.sparse.means: unknown entry"),
        ('scope = "field"', 'scope = "field"\ntta = 3', "tta", "tta: one of 1, 2, 4, 8"),
        (
            'scope = "field"',
            'scope = "field"\ntta_confidence = 0',
            "tta_confidence",
            "tta_confidence: has to be above 0",
        ),
        ("batch_size = 8", "batch_size = 8\nfrozen = 1.5", "frozen", "schedule.frozen: has to be within 0 and 1"),
        ("batch_size = 8", "batch_size = 8\nseed = -1", "seed", "schedule.seed: has to be within 0 and 4294967295"),
        (
            "batch_size = 8",
            "batch_size = 8\nweight_decay = -1.0",
            "decay",
            "schedule.weight_decay: may not be negative",
        ),
        ("width = 64", "width = 0", "input", "input.width: has to be above 0"),
        *(
            (
                "[schedule]",
                f"[refusal]\n{entry} = {value}\n[schedule]",
                entry,
                f"refusal.{entry}: has to be within 0 and 1",
            )
            for entry in ("target_accuracy", "for_confidence", "for_ood")
            for value in (-0.1, 2)
        ),
        (
            "batch_size = 8",
            "batch_size = 8\nema_momentum = 1",
            "ema_momentum",
            "schedule.ema_momentum: has to be within 0 and 1",
        ),
        (
            "batch_size = 8",
            "batch_size = 8\nema_momentum = 0.9\npatience = 2",
            "ema_momentum",
            "schedule.ema_momentum: patience goes back to one epoch's weights, which are no mean",
        ),
        ('meaning = "Few leukocytes."', "meaning = 3", "meaning = 3", "labels.sparse.meaning: expected str, got int"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tiny, tmp_path, old, new, where, sentence):
    path = write(tmp_path, tiny.read_text(encoding="utf-8"), (old, new))
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if where in text)
    with pytest.raises(RecipeError, match=rf"changed.toml, line {line}: {sentence}"):
        load(path)


@pytest.mark.parametrize(("table", "old", "new"), [(*place, name) for place, name in RENAMED.items()])
def test_a_key_of_an_earlier_version_is_refused_with_its_new_name(tiny, tmp_path, table, old, new):
    text = tiny.read_text(encoding="utf-8")
    if table and f"[{table}]" not in text:
        text += f"[{table}]\n"
    place = f"[{table}]\n" if table else 'name = "tiny"\n'
    path = write(tmp_path, text, (place, f"{place}{old} = 1\n"))
    line = 1 + Path(path).read_text(encoding="utf-8").splitlines().index(f"{old} = 1")
    entry = f"{table}.{old}" if table else old
    with pytest.raises(RecipeError) as refused:
        load(path)
    assert str(refused.value) == f"changed.toml, line {line}: {entry}: is called {new} now. Write {new} in its place."


def test_a_parameter_of_an_earlier_version_is_refused_with_its_new_name(tiny, tmp_path):
    text = tiny.read_text(encoding="utf-8")
    step = 'name = "only_leukocytes"\n'
    path = write(tmp_path, text, (step, step + 'parameters = { finder = "network" }\n'))
    with pytest.raises(RecipeError, match=r"preprocess\[1\].parameters: 'finder' is called segmenter now"):
        load(path)


def test_every_entry_can_be_changed(tiny):
    changes = {
        "schedule.epochs": "8",
        "schedule.optimiser": "sgd",
        "augmentation.zoom": "[0.9, 1.1]",
        "preprocess[0].name": '"white_balance"',
        "labels.leukemic.name": "Other words",
        "title": "Of a larger step",
        "refusal.target_accuracy": "0.9",
    }
    recipe = load(str(tiny), changes)
    assert (recipe.schedule.epochs, recipe.schedule.optimiser) == (8, "sgd")
    assert recipe.augmentation.zoom == (0.9, 1.1)
    assert recipe.preprocess[0].name == "white_balance"
    assert (recipe.labels["leukemic"].name, recipe.title) == ("Other words", "Of a larger step")
    assert recipe.refusal.target_accuracy == 0.9
    assert load(str(tiny)).schedule.epochs == 2
    assert load("khan-xincept-svm", {"schedule.seed": "7"}).schedule.seed == 7


@pytest.mark.parametrize(
    ("entry", "value", "sentence"),
    [
        ("schedule.epochs", "two", "schedule.epochs=two: expected int, got str"),
        ("schedule.epochs", "0", "schedule.epochs=0: has to be above 0"),
        ("schedule.epoch", "2", "schedule.epoch=2: unknown entry. Known: epochs"),
        ("shedule.epochs", "2", "shedule: unknown entry"),
        ("preprocess[7].name", "median", r"preprocess\[7\].name=median: the recipe has no such entry"),
        ("title.words", "2", "title.words=2: the recipe has no such entry"),
        ("schedule.strangers", "2", "is called outlier_exposure now"),
        ("", "2", "Write ENTRY=VALUE"),
    ],
)
def test_a_change_that_is_wrong_is_refused_in_its_own_words(tiny, entry, value, sentence):
    with pytest.raises(RecipeError, match=sentence):
        load(str(tiny), {entry: value})


def test_the_refusal_of_a_card_is_read_under_its_earlier_name():
    earlier = {"refusal": {"target_accuracy": 0.9, "most_for_confidence": 0.1, "for_novelty": 0.0175}}
    assert refusal_of(earlier).for_ood == 0.0175
    assert refusal_of({"refusal": {"for_ood": 0.02}}).for_ood == 0.02


def test_parameters_that_a_step_does_not_take_are_refused(tiny, tmp_path):
    text = tiny.read_text(encoding="utf-8")
    path = write(tmp_path, text, ('name = "median"', 'name = "median"\nparameters = { radius = 2 }'))
    with pytest.raises(RecipeError, match=r"line 14: preprocess\[0\].parameters: 'median' does not take radius"):
        load(path)


def test_lines_are_found_past_long_strings_lists_and_comments():
    text = '''a = 1  # [not.a.table]
long = """
b = 2
"""
list = [
  "c = 3", # ]
  { d = 4 },
]
[table]
"quoted" = { x = 1 }
[[many]]
x = 1
[[many]]
x = 2
'''
    places = {"a": 1, "long": 2, "list": 5, "list[1].d": 5, "table": 9, "table.quoted.x": 10, "many[1].x": 14}
    assert {where: line_of(text, where) for where in places} == places
    assert line_of(text, "b") is None
    assert line_of(text, "nothing.at.all") is None


def test_a_choice_that_the_authors_did_not_make_is_no_recipe():
    with pytest.raises(RecipeError, match="no recipe 'khan-xincept-tree'"):
        load("khan-xincept-tree")
    assert load("khan-xincept-svm").head.classifier == "svm"
    assert load("khan-xincept").head.classifier == "dense"


def test_labels_that_a_recipe_merges_are_one_before_anything_is_learnt(drawn, tiny):
    data = load_dataset(drawn)
    assert set(data.classes) == {"leukemic", "sparse"}
    recipe = structs.replace(load(str(tiny)), merge={"ALL": ("leukemic", "Pre"), "normal": ("sparse",)})
    material = Material(recipe, data)
    assert [label.id for label in material.labels] == ["ALL", "normal"]
    assert material.dataset.fingerprint == data.fingerprint
    np.testing.assert_array_equal(material.targets, [label == "sparse" for label in data.labels])
    assert Material(recipe, material.dataset).dataset is material.dataset  # once more changes nothing
    with pytest.raises(DataError, match=r"Merged as the recipe has it, all pictures in .* have the label 'ALL'"):
        Material(structs.replace(recipe, merge={"ALL": ("leukemic", "sparse")}), data)
    assert load("khan-xincept-binary").merge == {"ALL": ("Early", "Pre", "Pro")}


def test_a_bundle_of_merged_labels_is_judged_by_them(drawn, tiny, tmp_path, capsys):
    path = write(tmp_path, tiny.read_text(encoding="utf-8"), ("[schedule]", "[merge]\nALL = ['leukemic']\n[schedule]"))
    assert main(["fit", path, "--data", str(drawn), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    command = ["evaluate", str(tmp_path / "tiny"), "--data", str(drawn), "--pictures", "8", "--controls", "none"]
    assert main([*command, "--format", "json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["n"] == 8
    assert set(judged["sensitivity"]) == {"ALL", "sparse"}
    assert "foreign" not in judged


def test_labels_of_the_public_sets_are_described_and_a_recipe_may_say_them_otherwise(tiny):
    labels = recipes.vocabulary()
    taleghani, five, pbc = (
        {"Benign", "Early", "Pre", "Pro"},
        {"ALL", "AML", "CLL", "CML", "healthy"},
        {"basophil", "ig"},
    )
    assert taleghani | five | pbc | {"normal"} <= set(labels)
    folders = {"acute_lymphocytic", "acute_myelogenous", "chronic_lymphocytic", "chronic_myelogenous"}
    assert folders | {"healthy_blood_cell", "HBS", "L1", "L2", "L3"} <= set(labels)
    assert all(labels[label].malignant for label in folders | {"L1", "L2", "L3"})
    assert not labels["healthy_blood_cell"].malignant
    assert not labels["healthy"].malignant
    assert labels["CML"].malignant
    assert load(str(tiny)).labels["sparse"].name == "Few"
