"""The packaged weights on each runtime, beside the original's network called as the original calls it, in one run.

`python -m benchmarks.speed.runtimes [--rounds 9]` writes docs/results/runtimes.json and the table of
docs/explanation/speed.md; `--page` writes the table only. The photographs are those of the built-in sample at 512x512.
The original's network is built from the profile `original` with random weights, since time and memory do not depend on
them; it gets one photograph at a time by Keras's `model.predict`, as in the original's program. Photographs per second
are of medians of rounds in which all take turns in one process, after a warm-up, so other work on the machine slows all
alike. The first mask is `crackflow predict` on one photograph, a process for each.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.accuracy.real import ROOT, machine
from crackflow.atomic import write_text
from crackflow.parallel.machine import peak_mib
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/runtimes.json"
PAGE = ROOT / "docs/explanation/speed.md"
BY = "`python -m benchmarks.speed.runtimes`"
SIDE = 512
# How many squares of a large photograph are given to the network at once (crackflow.inference.tiling.stitched).
AT_ONCE = 4
GOAL = 25
ORIGINAL, COARSE = "original", "openvino bfloat16"
NETS = {
    ORIGINAL: "the original's network, `model.predict`",
    "keras": "Keras",
    "onnx": "ONNX Runtime",
    "openvino": "OpenVINO, the default",
    COARSE: "OpenVINO in bfloat16, which is not used",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="times that each is timed (default: 9)")
    parser.add_argument("--page", action="store_true", help="write the table only")
    parser.add_argument("--part", nargs=2, metavar=("NAME", "DIR"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        name, folder = args.part
        print(json.dumps(times(Path(folder), args.rounds) if name == "times" else first_mask(Path(folder), name)))
        return 0
    if not args.page:
        write_text(RESULTS, json.dumps(measure(args.rounds), indent=1) + "\n")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    write_text(PAGE, fill(PAGE.read_text(encoding="utf-8"), "runtimes", BY, table(found)))
    return 0


def measure(rounds: int) -> dict[str, Any]:
    """Measure everything, each part in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed, _ = run_part("times", folder, rounds)
        nets: dict[str, Any] = {}
        for net in NETS:
            alone, batch = (statistics.median(seconds) for seconds in timed["seconds"][net])
            nets[net] = {
                "photos_per_s": round(1 / alone, 2),
                "photos_per_s_at_once": None if net == ORIGINAL else round(AT_ONCE / batch, 2),
                **timed["parity"].get(net, {}),
            }
            if net != COARSE:
                # the first process may still read files from the disk
                both = [run_part(net, folder, rounds) for _ in range(2)]
                peak, seconds = min(((part["peak_mib"], seconds) for part, seconds in both), key=lambda one: one[1])
                nets[net] |= {"first_mask_s": round(seconds, 1), "peak_mib": peak}
    return {
        "command": f"python -m benchmarks.speed.runtimes --rounds {rounds}",
        "machine": machine(),
        "model": timed["model"],
        "rounds": rounds,
        "pictures": timed["pictures"],
        "nets": nets,
    }


def run_part(name: str, folder: Path, rounds: int) -> tuple[dict[str, Any], float]:
    """Run a part of the measurement in a process of its own: what it found, and how many seconds it took."""
    command = [sys.executable, "-m", "benchmarks.speed.runtimes", "--part", name, str(folder), "--rounds", str(rounds)]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1])), time.perf_counter() - start


def times(folder: Path, rounds: int) -> dict[str, Any]:
    """Time all networks in turn, and leave in `folder` what the first masks are made from.

    Returns:
        Seconds of each network for one photograph and for AT_ONCE of them, each once a round; and how far each runtime
        agrees with Keras.
    """
    import numpy as np

    from crackflow.imaging.images import write_png
    from crackflow.inference import packaged_weights
    from crackflow.inference.network import predict
    from crackflow.runtimes.parity import compare
    from pipelines.commands import export_model

    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    pictures = list(export_model.sample_pictures(SIDE))
    write_png(folder / "photo.png", pictures[0])
    export_model.export(weights, "onnx", folder / "onnx")
    original = built_original()
    original.save(folder / "original.keras")
    nets = networks(weights.model, folder)
    runs: dict[str, Callable[[Any], Any]] = {
        ORIGINAL: lambda images: original.predict(images.astype(np.float32), verbose=0),
        **{name: lambda images, net=net: predict(net, images) for name, net in nets.items()},
    }
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in NETS}
    for number in range(rounds + 1):
        images = np.stack([pictures[(number + one) % len(pictures)] for one in range(AT_ONCE)])
        for name, run in runs.items():
            for kept, size in zip(seconds[name], (1, AT_ONCE), strict=True):
                if name == ORIGINAL and size > 1:
                    kept.append(0.0)  # it is never called so
                    continue
                start = time.perf_counter()
                run(images[:size])
                # the first one compiles
                kept.extend([time.perf_counter() - start] if number else [])
    parity = {
        name: compare(nets["keras"], net, pictures, weights.point().threshold)
        for name, net in nets.items()
        if name != "keras"
    }
    return {
        "model": weights.name,
        "pictures": len(pictures),
        "seconds": seconds,
        "parity": {
            name: {"largest_difference": one.largest, "mask_pixels": one.marked, "changed": one.changed}
            for name, one in parity.items()
        },
    }


def built_original() -> Any:
    """The original's network, with random weights."""
    from crackflow.keras_import import import_keras

    import_keras()
    from crackflow.models import registry
    from pipelines.commands.profile import load

    params = load(ROOT / "profiles", "original", [])
    model = registry.build(params.model, SIDE, len(params.classes), seed=0)
    # as crackflow.inference.predictor.load_model leaves every model
    model.jit_compile = False
    return model


def networks(model: Path, folder: Path) -> dict[str, Any]:
    """The packaged weights on each runtime."""
    import openvino as ov

    from crackflow.runtimes import topology
    from crackflow.runtimes.choice import load
    from crackflow.runtimes.openvino_network import OpenVINONetwork

    class InBfloat16(OpenVINONetwork):
        """As OpenVINO calculates of itself where the processor has bfloat16."""

        def _compiled(self, hint: str) -> Any:
            how = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": hint}
            return ov.Core().compile_model(self._model, "CPU", how)

    return {
        "keras": load(model, "keras"),
        "onnx": load(folder / "onnx/model.onnx", "onnx"),
        "openvino": load(model, "openvino"),
        COARSE: InBfloat16(topology.read(model.with_name(topology.FILE), model)),
    }


def first_mask(folder: Path, name: str) -> dict[str, Any]:
    """Mark one photograph as the command line does; the most memory that this process has held."""
    from pipelines.cli import app

    models = {ORIGINAL: folder / "original.keras", "onnx": folder / "onnx"}
    runtime = "keras" if name == ORIGINAL else name
    out = folder / f"out-{name}-{time.time_ns()}"
    words = ["--model", str(models.get(name, "packaged")), "--runtime", runtime, "--out", str(out)]
    app(["predict", str(folder / "photo.png"), *words], standalone_mode=False)
    return {"peak_mib": peak_mib()}


def table(found: dict[str, Any]) -> str:
    """A row a runtime, how it was measured, and whether the goal is met."""
    head = [
        "512x512",
        "photographs/s, one by one",
        "to the original",
        f"photographs/s, {AT_ONCE} at once",
        "to the original",
        "first mask, s",
        "peak MiB",
        "mask pixels that change",
    ]
    nets, base = found["nets"], found["nets"][ORIGINAL]["photos_per_s"]
    rows = []
    for name, words in NETS.items():
        net = nets[name]
        speeds = [net["photos_per_s"], net["photos_per_s_at_once"]]
        cells = [cell for speed in speeds for cell in ((None, None) if speed is None else _speed(speed, base))]
        if name == ORIGINAL:
            cells[1] = None
        first, peak = net.get("first_mask_s"), net.get("peak_mib")
        changed = f"{100 * net['changed'] / net['mask_pixels']:.2g} %" if "changed" in net else None
        rows.append([words, *cells, first, None if peak is None else f"{peak:,}", changed])
    best = max(nets["openvino"]["photos_per_s"], nets["openvino"]["photos_per_s_at_once"]) / base
    verdict = "met" if best >= GOAL else f"missed, {best:.1f} times"
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Of {found['model']} on {found['machine']['cores']} cores, medians of {found['rounds']} rounds, in turn. The "
        f"first mask is a whole process of `crackflow predict`, from its start to its end, and its peak memory. Mask "
        f"pixels that change: of those that Keras or the runtime marks on {found['pictures']} photographs of the "
        f"built-in sample, those that only one of the two marks. Goal, {GOAL} times the original: {verdict}.\n"
    )


def _speed(speed: float, base: float) -> tuple[str, str]:
    return f"{speed:.1f}", f"{speed / base:.1f}"


if __name__ == "__main__":
    sys.exit(main())
