"""Work by many processes: in order, whatever happens to one of them. Begun once, for it takes seconds."""

import os
from functools import partial
from pathlib import Path

import pytest

from smear.imaging.decode import ImageError
from smear.workers import LOCAL, WorkersError, shared


class Multiplied:
    """What a worker does: multiply; of some pieces it dies once, or refuses them."""

    def __init__(self, by: int, folder: Path) -> None:
        self.by, self.folder = by, folder

    def __call__(self, number: int) -> int:
        if number == 7 and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os._exit(1)
        if number == 40:
            raise ImageError("forty", "No forty.")
        return self.by * number


def test_the_results_are_those_of_one_process(tmp_path):
    """In order, with a worker that died and was begun anew; pieces are taken as they are needed; errors are raised."""
    taken = []

    def pieces():
        for number in range(41):
            taken.append(number)
            yield number

    results = []

    def collect():
        for result in shared(partial(Multiplied, 3, tmp_path), pieces(), LOCAL):
            results.append(result)
            assert len(taken) <= len(results) + 2 * (os.cpu_count() or 1) + 1

    with pytest.raises(ImageError, match="No forty") as refused:
        collect()
    assert refused.value.code == "forty"
    assert results == [3 * number for number in range(40)]
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere", "host:port"])
def test_where_no_cluster_answers_a_sentence_says_so(address):
    with pytest.raises(WorkersError, match=f"No Ray cluster answers at {address}"):
        list(shared(partial(int), ["1"], address))
