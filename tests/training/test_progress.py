"""Progress is a bar on a terminal, and next to nothing in a log."""

import io
import sys

from training import progress
from training.progress import track


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self):
        return True


def test_items_come_through_in_order(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        assert list(track(range(5), "count")) == list(range(5))
        assert list(track(iter("abc"), "letters", 3)) == list("abc")


def test_a_terminal_gets_a_bar_and_a_short_step_leaves_nothing_in_a_log(monkeypatch):
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        list(track(range(3), "prepare"))
        assert ("prepare" in stream.getvalue()) is shown


def test_steps_that_somebody_else_takes_tell_how_long_they_last(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "EVERY", 1e-9)
    bar = progress.steps("steps", 3)
    for _ in range(3):
        bar.update()
    bar.close()
    assert "steps: 2/3, " in log.getvalue()
    assert "left" in log.getvalue()


def test_a_log_gets_whole_lines(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "EVERY", 1e-9)
    list(track(range(3), "prepare"))
    lines = log.getvalue().splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("prepare: ") and line.endswith(" left") for line in lines)
    assert "\r" not in log.getvalue()
