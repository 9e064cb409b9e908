"""`make bench`: measure reading, serving and the usual stack beside them, and write bench.json.

Machines are noisy, so what is compared is measured alternately in one run and told as a ratio of medians.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.engine import Engine
from smear import bundle, drawing
from smear.image import decode, encode
from smear.reader import Reader
from tests.bench.client import Client
from tests.bench.finding import BUNDLE, ROOT, milliseconds
from tests.browser.driving import PASSWORD, Server

ROUNDS = 60
PEER_ROUNDS = 6
CLIENTS = 32
UPLOADS = 320


def alternately(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each work, run in turn so that noise falls on all of them."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(milliseconds(work))
    return {name: statistics.median(values) for name, values in times.items()}


def fields(count: int, size: tuple[int, int] = (224, 224)) -> list[bytes]:
    """Return `count` different drawn fields as JPEG files of width, height."""
    kinds = ("leukemic", "sparse")
    drawn = [drawing.field(seed, kinds[seed % 2], 448) for seed in range(min(count, 24))]
    files = []
    for index in range(count):
        picture = cv2.resize(drawn[index % len(drawn)], size, interpolation=cv2.INTER_AREA)
        picture[0, 0] = (index % 256, index // 256, 0)  # no two files are the same
        files.append(encode(picture, "JPEG", quality=92) + index.to_bytes(4))
    return files


def peer(model: Any, layer: str) -> Callable[[bytes], Any]:
    """Return what the usual demonstration does for each request: predict, then Grad-CAM by tf-keras-vis."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    size = tuple(model.input.shape[1:3])

    def answer(data: bytes) -> Any:
        picture = cv2.resize(decode(data).rgb, size).astype(np.float32)[None]
        best = int(model.predict(picture, verbose=0).argmax())
        return Gradcam(model, clone=False)(CategoricalScore([best]), picture, penultimate_layer=layer)

    return answer


def measure_reading(loaded: bundle.Bundle) -> dict[str, float]:
    """Return reading against the bare forward pass and against the peer."""
    reader = Reader(loaded)
    small, large = fields(1)[0], fields(1, (2592, 1944))[0]
    prepared = reader.examine(decode(small)).input[None]
    forward = lambda: loaded.network.forward(prepared)  # noqa: E731
    median = alternately({"forward": forward, "read": lambda: reader.read(small)}, ROUNDS)
    big = alternately({"forward": forward, "read": lambda: reader.read(large)}, ROUNDS // 4)
    usual = peer(loaded.network.model, loaded.card.explanation_layer)
    slow = alternately({"read": lambda: reader.read(small), "peer": lambda: usual(small)}, PEER_ROUNDS)
    return {
        "forward_ms": round(median["forward"], 2),
        "decode_ms": round(statistics.median(milliseconds(lambda: decode(small)) for _ in range(ROUNDS)), 2),
        "read_ms": round(median["read"], 2),
        "reader_over_forward": round(median["read"] / median["forward"], 2),
        "large_field_beyond_forward_ms": round(big["read"] - big["forward"], 1),
        "peer_ms": round(slow["peer"], 1),
        "peer_over_ours": round(slow["peer"] / slow["read"], 1),
    }


def engine_throughput(files: Sequence[bytes]) -> float:
    """Return pictures per second of the engine alone, asked by 32 threads."""
    engine = Engine(ROOT / "models", 2 * CLIENTS)
    engine.start([BUNDLE], others=False)
    engine.load(BUNDLE)
    try:
        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(lambda data: engine.read(BUNDLE, data), files[:CLIENTS]))
            started = time.perf_counter()
            list(threads.map(lambda data: engine.read(BUNDLE, data), files))
            return len(files) / (time.perf_counter() - started)
    finally:
        engine.stop()


def measure_serving(files: Sequence[bytes], bare: float) -> dict[str, float]:
    """Return start-up, one client's median and 32 clients' throughput of a real server; `bare` in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "instance", MAX_UPLOAD_BYTES=str(64 * 2**20))
        address, one_time = server.prepare()
        started = time.perf_counter()
        with server:
            start = time.perf_counter() - started
            client = Client(server.url)
            client.sign_in(address, one_time, PASSWORD)
            case = client.open_case("BENCH-1")
            single = [milliseconds(lambda data=data: client.upload(case, data)) for data in files[:ROUNDS]]
            rest = files[ROUNDS:]
            cases = [client.open_case(f"BENCH-{number}") for number in range(2, 2 + CLIENTS)]
            errors, lock = [0], threading.Lock()

            def send(job: tuple[int, bytes]) -> None:
                if client.upload(cases[job[0] % CLIENTS], job[1]) != 201:
                    with lock:
                        errors[0] += 1

            started = time.perf_counter()
            with ThreadPoolExecutor(CLIENTS) as threads:
                list(threads.map(send, enumerate(rest)))
            throughput = len(rest) / (time.perf_counter() - started)
    p50 = statistics.median(single[5:])
    return {
        "start_seconds": round(start, 1),
        "http_p50_ms": round(p50, 2),
        "http_p50_over_forward": round(p50 / bare, 2),
        "throughput32_per_second": round(throughput, 1),
        "errors32": errors[0],
    }


def main() -> None:
    """Measure everything and write bench.json beside the Makefile."""
    files = fields(ROUNDS + UPLOADS)
    loaded = bundle.load(ROOT / "models" / BUNDLE)
    loaded.network.warm(loaded.card.batch_size)
    result: dict[str, float] = measure_reading(loaded)
    alone = engine_throughput(files[ROUNDS:])
    result |= measure_serving(files, result["forward_ms"] + result["decode_ms"])
    finding = subprocess.run([sys.executable, "-m", "tests.bench.finding"], cwd=ROOT, check=True, capture_output=True)
    result |= json.loads(finding.stdout)
    result["engine_per_second"] = round(alone, 1)
    result["throughput32_over_engine"] = round(result["throughput32_per_second"] / alone, 2)
    (ROOT / "bench.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
