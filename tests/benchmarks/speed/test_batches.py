import json

from benchmarks.speed import batches

FOUND = {
    "machine": {"cores": 2},
    "model": "made weights",
    "runtime": "openvino",
    "rounds": 3,
    "photographs": 12,
    "photos_per_s": 5.04,
    "photos_per_s_at_once": 7.5,
    "ratios": [1.4, 1.6, 1.5],
    "mask_pixels": 2000,
    "changed_pixels": 3,
    "changed_probabilities": 1005,
}


def test_the_page_holds_the_figures_of_the_results_file():
    text = batches.PAGE.read_text(encoding="utf-8")
    found = json.loads(batches.RESULTS.read_text(encoding="utf-8"))
    assert f"-->\n{batches.table(found)}<!-- end of batches -->" in text


def test_the_table_says_ratios_with_their_spread_and_what_changed():
    """The median of 1.4, 1.5 and 1.6 is 1.5."""
    lines = batches.table(FOUND).splitlines()
    assert lines[2] == "| openvino | 5.0 | 7.5 | 1.50 (1.40 to 1.60) | 3 of 2,000 |"
    assert lines[-1].endswith("1,005 probabilities differ on 12 photographs.")
