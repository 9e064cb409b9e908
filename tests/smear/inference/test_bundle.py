"""A damaged bundle is refused with a sentence; nothing half-written is ever published."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from smear.artifacts import GRAPH, MODEL, BundleError
from smear.inference import bundle
from tests.conftest import ROOT

SHIPPED = ROOT / "models" / "leukolens-field"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "leukolens-field")


def change_card(path, **changes):
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    (path / "card.json").write_text(json.dumps(card | changes), encoding="utf-8")


def resign(path):
    """Write the checksums of the files as they are: damage that was there before publishing."""
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    change_card(path, files={name: bundle.sha256(path / name) for name in card["files"]})


def without_graph(path):
    """Make of it a bundle that was published before there were graphs."""
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    change_card(path, files={name: digest for name, digest in card["files"].items() if name != GRAPH})


def test_the_shipped_bundle_is_whole_and_under_twenty_megabytes():
    bundle.verify(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 20 * 2**20


def test_a_flipped_byte_is_found(copy):
    data = bytearray((copy / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model.keras").write_bytes(data)
    with pytest.raises(BundleError, match=r"damaged: model.keras is not the file that was published"):
        bundle.load(copy)


def test_a_missing_file_is_named(copy):
    (copy / "ood.npz").unlink()
    with pytest.raises(BundleError, match=r"ood.npz is missing"):
        bundle.verify(copy)


@pytest.mark.parametrize("graph", [True, False])
def test_a_model_file_that_was_damaged_before_publishing_is_refused(copy, graph):
    name = GRAPH if graph else MODEL
    if not graph:
        without_graph(copy)
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2])
    resign(copy)
    with pytest.raises(BundleError, match="model file of 'leukolens-field' is damaged"):
        bundle.load(copy)


def test_a_card_that_points_outside_is_refused(copy):
    card = json.loads((copy / "card.json").read_text(encoding="utf-8"))
    change_card(copy, files=card["files"] | {"../elsewhere": "0" * 64})
    with pytest.raises(BundleError, match="points outside"):
        bundle.verify(copy)


def test_a_model_that_does_not_match_its_card_is_refused(copy):
    change_card(copy, input={"height": 64, "width": 64})
    with pytest.raises(BundleError, match="does not match its card"):
        bundle.load(copy)


def test_a_wrong_layer_is_refused(copy):
    without_graph(copy)  # in which the layer is settled
    change_card(copy, explanation_layer="no_such_layer")
    with pytest.raises(BundleError, match="no layer 'no_such_layer'"):
        bundle.load(copy)


def test_no_bundle_no_card(tmp_path):
    assert bundle.names(tmp_path / "nothing") == []
    with pytest.raises(BundleError, match=r"card.json is missing"):
        bundle.read_card(tmp_path)
    (tmp_path / "card.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BundleError, match="cannot be read"):
        bundle.read_card(tmp_path)


def test_writing_is_all_or_nothing(tmp_path):
    card = bundle.read_card(SHIPPED)

    def fill(where):
        shutil.copy(SHIPPED / "model.keras", where)
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        bundle.write(tmp_path, card, fill)
    assert list(tmp_path.iterdir()) == []


def test_a_new_version_takes_the_place_of_the_old(tmp_path):
    card = bundle.read_card(SHIPPED)

    def fill(where):
        shutil.copy(SHIPPED / "model.keras", where)
        shutil.copy(SHIPPED / "ood.npz", where)

    first = bundle.write(tmp_path, card, fill)
    (first / "stray").touch()
    second = bundle.write(tmp_path, card, fill)
    assert first == second
    assert sorted(path.name for path in second.iterdir()) == ["card.json", "model.keras", "ood.npz"]
    assert bundle.names(tmp_path) == ["leukolens-field"]


def test_where_the_last_step_fails_the_earlier_folder_comes_back(tmp_path, monkeypatch):
    target = tmp_path / "published"
    target.mkdir()
    (target / "card.json").write_text("earlier", encoding="utf-8")
    rename = Path.rename

    def failing(self, where):
        if where == target and not self.name.endswith("-retired"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, where)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"), bundle.replacing(target) as draft:
        (draft / "card.json").write_text("newer", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["published"]
    assert (target / "card.json").read_text(encoding="utf-8") == "earlier"
