import copy
import json

from benchmarks.speed import runtimes

NET = {"photos_per_s": 5.0, "photos_per_s_at_once": 30.0, "first_mask_s": 1.7, "peak_mib": 1340}
AGREES = {"largest_difference": 1e-6, "mask_pixels": 2000, "changed": 0}
FOUND = {
    "machine": {"cores": 2},
    "model": "made weights",
    "rounds": 5,
    "pictures": 12,
    "nets": {
        "original": {"photos_per_s": 1.25, "photos_per_s_at_once": None, "first_mask_s": 20.0, "peak_mib": 2000},
        "keras": NET,
        "onnx": {**NET, **AGREES},
        "openvino": {**NET, "photos_per_s": 10.0, **AGREES},
        "openvino bfloat16": {"photos_per_s": 20.0, "photos_per_s_at_once": 40.0, **AGREES, "changed": 30},
    },
}


def test_the_page_holds_the_figures_of_the_results_file():
    text = runtimes.PAGE.read_text(encoding="utf-8")
    found = json.loads(runtimes.RESULTS.read_text(encoding="utf-8"))
    assert f"-->\n{runtimes.table(found)}<!-- end of runtimes -->" in text


def test_speeds_are_also_said_as_multiples_of_the_originals():
    """10 / 1.25 and 30 / 1.25; 30 of 2,000 px are 1.5 %."""
    lines = runtimes.table(FOUND).splitlines()
    assert lines[2] == "| the original's network, `model.predict` | 1.2 |  |  |  | 20.0 | 2,000 |  |"
    assert lines[5] == "| OpenVINO, the default | 10.0 | 8.0 | 30.0 | 24.0 | 1.7 | 1,340 | 0 % |"
    assert lines[6] == "| OpenVINO in bfloat16, which is not used | 20.0 | 16.0 | 40.0 | 32.0 |  |  | 1.5 % |"


def test_the_goal_is_that_of_the_default_runtime():
    assert runtimes.table(FOUND).endswith("Goal, 25 times the original: missed, 24.0 times.\n")
    faster = copy.deepcopy(FOUND)
    faster["nets"]["openvino"]["photos_per_s_at_once"] = 31.25
    assert runtimes.table(faster).endswith("Goal, 25 times the original: met.\n")
