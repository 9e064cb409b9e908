"""The numbers of a training go to TensorBoard's files and to MLflow too, and a training does not stop for them."""

import mlflow
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training import tracking
from training.__main__ import main
from training.fit.run import Material, Run, TrainingSet
from training.fit.trainer import train_network
from training.recipes.loading import load
from training.tracking import Tracking, TrackingError


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Where MLflow keeps things without a server: its client is the same."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "mlflow").as_uri()


def said(server):
    """The only run that MLflow knows, and every loss of it in order."""
    client = mlflow.MlflowClient(server)
    (run,) = client.search_runs([client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id])
    return run, [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "loss")]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore::FutureWarning:mlflow")
def test_every_epoch_is_told_of(tiny, tmp_path, server):
    inputs = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    targets = np.arange(24) % 2
    recipe, folder = load(str(tiny)), tmp_path / "run"
    run = Run(Material(recipe, None), None, folder, lambda _line: None, tracking=Tracking(True, server))
    history = train_network(run, TrainingSet(inputs, targets, inputs, inputs, targets, 2)).history
    events = EventAccumulator(str(folder / tracking.FOLDER)).Reload()
    told, losses = said(server)
    expected = [(row.epoch, row.loss) for row in history]
    assert losses == expected
    assert [(event.step, round(event.tensor_proto.float_val[0], 5)) for event in events.Tensors("loss")] == expected
    assert {"accuracy", "held_out"} <= set(events.Tags()["tensors"]) & set(told.data.metrics)
    assert (told.info.run_name, told.info.status) == (recipe.name, "FINISHED")
    assert told.data.params["schedule.epochs"] == str(recipe.schedule.epochs)
    assert str(tmp_path) not in str(told.data.params)


@pytest.mark.filterwarnings("ignore::FutureWarning:mlflow")
def test_a_training_that_goes_on_is_one_run_and_a_failed_one_is_told(tmp_path, server):
    for step in (1, 2):
        with Tracking(mlflow=server).opened(tmp_path, "one", {}, print) as tell:
            tell(step, {"loss": 1 / step})
    assert said(server)[1] == [(1, 1.0), (2, 0.5)]
    with pytest.raises(KeyError), Tracking(mlflow=server).opened(tmp_path, "one", {}, print):
        raise KeyError
    assert said(server)[0].info.status == "FAILED"


def test_a_server_that_falls_silent_stops_no_training(tmp_path, server, monkeypatch):
    def silent(*_given, **_named):
        raise mlflow.MlflowException("connection refused")

    lines = []
    with Tracking(mlflow=server).opened(tmp_path, "one", {}, lines.append) as tell:
        monkeypatch.setattr(mlflow.MlflowClient, "log_metric", silent)
        monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", silent)
        tell(3, {"loss": 0.1})
    assert lines == ["MLflow did not take the numbers of step 3: connection refused"]


def test_a_server_that_is_not_there_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    elsewhere = Tracking(mlflow="http://127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"MLflow at http://127.0.0.1:9 does not take"):  # noqa: SIM117
        with elsewhere.opened(tmp_path, "one", {}, print):
            raise AssertionError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--tensorboard", "--mlflow=http://127.0.0.1:9"])
def test_what_is_not_installed_is_said_before_anything_is_read(drawn, tmp_path, monkeypatch, capsys, option):
    monkeypatch.setattr(tracking, "find_spec", lambda _name: None)
    assert main(["fit", "leukolens-field", "--data", str(drawn), "--out", str(tmp_path / "run"), option]) == 1
    assert "Install requirements-tracking.txt" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
