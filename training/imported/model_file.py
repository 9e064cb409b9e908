"""A Keras model from a file that nobody here made: `.keras`, or HDF5 of Keras 2 or 3. No code of the file is run."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smear.inference.engines.keras_engine import read_model
from training.imported.model_config import Config, ModelFileError, checked

CONFIG, WEIGHTS = "config.json", "model.weights.h5"  # in a `.keras` archive
ATTRIBUTE = "model_config"  # of an HDF5 file
LARGEST = 2**26  # bytes of a configuration; the largest of Keras' own applications has a hundredth of it
SAVED_MODEL = "saved_model.pb"
UNREADABLE = "{} cannot be read as a Keras model ({}). Copy it again from where it was made, or save it once more."


def read(file: Path) -> Any:
    """Return the model in `file`, not compiled; ModelFileError where it cannot be imported."""
    if file.is_dir():
        raise ModelFileError(_of_a_folder(file))
    if not file.is_file():
        raise ModelFileError(f"There is no file {file}.")
    import h5py

    if zipfile.is_zipfile(file):
        suffix, copy = ".keras", _checked_archive
    elif h5py.is_hdf5(file):
        suffix, copy = ".h5", _checked_hdf5
    else:
        raise ModelFileError(
            f"{file} is neither a .keras nor an HDF5 file. Save the model by model.save('model.keras')."
        )
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / f"model{suffix}"
        _written(copy, file, own)
        try:
            return read_model(own)
        except Exception as error:  # Keras raises anything for a file that is not what it says
            first = str(error).strip().splitlines()[:1]
            raise ModelFileError(UNREADABLE.format(file, "; ".join([type(error).__name__, *first])[:200])) from error


def _written(copy: Callable[[Path, Path], None], file: Path, own: Path) -> None:
    try:
        copy(file, own)
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(UNREADABLE.format(file, type(error).__name__)) from error


def _of_a_folder(folder: Path) -> str:
    kind = "a SavedModel folder, whose graph holds operations and no layers" if (folder / SAVED_MODEL).is_file() else ""
    return (
        f"{folder} is {kind or 'a folder and no file'}. Load the model where it was made, and save it by"
        " model.save('model.keras')."
    )


def _checked_archive(file: Path, own: Path) -> None:
    """Write the archive `file` to `own`, its configuration checked."""
    with zipfile.ZipFile(file) as original, zipfile.ZipFile(own, "w") as archive:
        if CONFIG not in original.namelist() or WEIGHTS not in original.namelist():
            raise ModelFileError(f"{file} is no .keras file: {CONFIG} or {WEIGHTS} is missing in it.")
        _refuse_larger(file, original.getinfo(CONFIG).file_size)
        archive.writestr(CONFIG, json.dumps(_config(file, original.read(CONFIG))))
        for name in ("metadata.json", WEIGHTS):
            if name in original.namelist():
                with original.open(name) as source, archive.open(name, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)


def _checked_hdf5(file: Path, own: Path) -> None:
    """Write the HDF5 file `file` to `own`, its configuration checked."""
    import h5py

    shutil.copyfile(file, own)
    with h5py.File(own, "r+") as stored:
        text = stored.attrs.get(ATTRIBUTE)
        if text is None:
            raise ModelFileError(
                f"{file} holds weights alone and not what network they are of. Save the whole model by"
                " model.save('model.keras')."
            )
        data = text if isinstance(text, bytes) else str(text).encode()
        _refuse_larger(file, len(data))
        stored.attrs[ATTRIBUTE] = json.dumps(_config(file, data))


def _refuse_larger(file: Path, size: int) -> None:
    if size > LARGEST:
        raise ModelFileError(f"{file} has a configuration of {size >> 20} MB, which is no network's.")


def _config(file: Path, data: bytes) -> Config:
    config = json.loads(data)
    if not isinstance(config, dict):
        raise ModelFileError(f"{file} does not say of what layers the model is. Save the whole model once more.")
    return checked(config)
