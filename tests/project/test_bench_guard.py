"""The guard of `make bench-guard` fails where something takes longer than it may, however busy the machine is."""

import time

import pytest

from tests.bench.guard import BOUNDS, over, ratios


def burn(milliseconds):
    """Something that takes so much of a processor."""

    def work():
        end = time.process_time() + milliseconds / 1000
        while time.process_time() < end:
            pass

    return work


@pytest.mark.parametrize(("milliseconds", "fails"), [(9, True), (3, False)])
def test_what_takes_too_long_fails(milliseconds, fails):
    measured = ratios({"think": burn(milliseconds)}, burn(2), rounds=5)
    sentences = over(measured, {"think": 3.0})
    assert bool(sentences) is fails
    assert all("To think costs" in one and "at most 3 is allowed" in one for one in sentences)


def test_waiting_costs_nothing():
    measured = ratios({"wait": lambda: time.sleep(0.02)}, burn(2), rounds=5)
    assert over(measured, {"wait": 1.0}) == []


def test_every_bound_is_a_number_above_nothing():
    assert all(bound > 0 for bound in BOUNDS.values())
