import json
import shutil
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from crackflow.evaluation.headline import BY_NAME
from crackflow.imaging.images import write_png
from crackflow.params import ReportParams
from crackflow.reporting.definitions import COLUMNS
from crackflow.visualization.charts import lines
from tasks import evaluate, infer, report, statistics
from tasks.workspace import Workspace
from tests.pages import Page

EVIL = '"></script><script>alert(1)</script>&#39;<!--'


@pytest.fixture(scope="module")
def _ready_once(_made_once, tmp_path_factory):
    """The made workspace after every stage but report; train's outputs are drawn here."""
    root = tmp_path_factory.mktemp("report") / "workspace"
    shutil.copytree(_made_once.root, root)
    workspace = Workspace(root)
    for stage in (statistics, evaluate, infer):
        stage.run(workspace, workspace.params())
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.5], "val_loss": [0.8, 0.6]})
    for name in ("losses", "metrics"):
        history.to_csv(workspace.reports / f"train_{name}.csv", index=False)
        lines(workspace.reports / f"train_{name}.png", history, {"train": "loss"}, "epoch", "epoch", "loss", name)
    write_png(workspace.reports / "epoch_change_infer" / "sheet.png", np.zeros((8, 8, 3), np.uint8))
    return workspace


@pytest.fixture
def ready(_ready_once, tmp_path):
    shutil.copytree(_ready_once.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def page(workspace, params):
    report.run(workspace, params)
    return Page((workspace.reports / "index.html").read_text(encoding="utf-8"))


def gallery(workspace):
    return Page((workspace.reports / "gallery/index.html").read_text(encoding="utf-8"))


def test_each_figure_is_defined_on_the_page(ready, params):
    found = page(ready, params)
    assert "F1 within 2 px mean(2 * right * found / (right + found)) over images with cracks; an empty" in found.text
    for name in BY_NAME:
        assert found.links.count(f"#figure-{name}") >= 1
        assert f"figure-{name}" in found.ids


@pytest.mark.parametrize("file", [name for names in COLUMNS for name in names.split(", ")])
def test_each_column_of_a_table_is_told_and_no_other(ready, file):
    (held,) = (held for names, held in COLUMNS.items() if file in names.split(", "))
    told = [name for names in held for name in names.split(", ")]
    if file == "evaluation.csv":
        assert len(told) == len(pd.read_csv(ready.reports / file, header=None).columns)
        return
    written = set(pd.read_csv(ready.reports / file).columns)
    if file.startswith("train"):
        assert written <= {"epoch", "loss", "val_loss"}
        assert told == ["epoch", "NAME", "val_NAME", "foreign_NAME"]
    else:
        assert written == {"pooled_iou" if name == "METRIC" else name for name in told}


def test_every_link_leads_to_a_file_or_a_place_on_the_page(ready, params):
    found = page(ready, params)
    assert len(found.links) > 30
    images = gallery_rows(ready)
    for link in found.links:
        assert "://" not in link
        path, _, place = link.partition("#")
        if link.startswith("data:"):
            continue
        if not path:
            assert place in found.ids
        else:
            assert (ready.reports / unquote(path)).exists(), link
        if path.startswith("gallery") and place and "=" not in place:
            assert unquote(place) in [image["stem"] for image in images]


def gallery_rows(workspace):
    data = json.loads(gallery(workspace).scripts[0][1])
    return [dict(zip(data["fields"], row, strict=True)) for row in data["rows"]]


def test_nothing_is_fetched_from_elsewhere(ready, params):
    report.run(ready, params)
    for name in ("index.html", "gallery/index.html"):
        text = (ready.reports / name).read_text(encoding="utf-8")
        for sign in ("http:", "https:", 'src="//', "@import", "url(", "<script src", "stylesheet"):
            assert sign not in text


def test_both_pages_keep_the_rules_for_screen_readers_and_scripts(ready, params):
    found = page(ready, params)
    assert found.faults == []
    assert gallery(ready).faults == []
    for one in (found, gallery(ready)):
        assert one.policy.startswith("default-src 'none'; ")
        assert "unsafe" not in one.policy


def test_pictures_are_described_for_those_who_do_not_see_them(ready, params):
    found = page(ready, params)
    beside = [picture for picture in found.pictures if not picture["src"].startswith("data:")]
    assert [picture["src"] for picture in beside] == [
        "epoch_change_infer/sheet.png",
        "Crack_Statistics.png",
        "label_thickness.png",
        "sample_images.png",
        "sample_masks.png",
        "sample_overlays.png",
        "duplicates.png",
    ]
    assert all(len(picture["alt"]) > 20 and picture["loading"] == "lazy" for picture in beside)


def test_sections_come_in_order_of_interest(ready, params):
    assert page(ready, params).sections == ["answer", "looks", "fails", "proof", "facts"]


def test_the_answer_comes_first_with_its_interval_and_the_empty_mask(ready, params):
    text = page(ready, params).text.replace("\N{NO-BREAK SPACE}", " ")
    metrics = json.loads(ready.metrics_json.read_text())
    iou, protocol = metrics["crack"]["pooled"]["iou"], metrics["protocol"]
    low, high = metrics["intervals"]["crack"]["pooled_iou"]
    in_words = (
        f"both agree on {iou:.0%} (95 % interval {100 * low:.0f} to {100 * high:.0f} %). A mask without any crack"
    )
    assert in_words.replace(f"{iou:.0%}", f"{100 * iou:.0f} %") in text
    assert "would reach 0 %" in text
    assert f"pooled IoU {iou:.3f} ({low:.2f} to {high:.2f}) 0.000" in text
    assert "In brackets the 95 % confidence interval, from 8 groups of photographs" in text
    assert "8 groups are few" in text
    assert "The test subset has 8 images, 6 of them with cracks, 2 crack-free." in text
    assert f"above {protocol['threshold']:.4f}: the threshold with the best pooled IoU on the 8 images of valid" in text
    assert "F1 within 2 px" in text
    assert text.index("both agree on") < text.index("evenly spaced by rank") < text.index("dice_coef_multiclass")


def test_a_figure_that_an_all_black_mask_reaches_is_called_out(ready, params):
    assert "An all-black mask is as good" not in page(ready, params).text
    metrics = json.loads(ready.metrics_json.read_text())
    metrics["crack"]["positives"]["iou"] = 0.0
    ready.metrics_json.write_text(json.dumps(metrics))
    assert "An all-black mask is as good in: mean IoU, images with cracks." in page(ready, params).text


def test_examples_run_from_the_worst_to_the_best(ready, params):
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    cracked = table.tp + table.fn > 0
    table.loc[cracked, "iou"] = [0.9, 0.1, 0.5, 0.7, 0.3, 0.8]
    table.to_csv(ready.reports / "per_image.csv", index=False)
    found = page(ready, params)
    expected = table[cracked].sort_values("iou")
    shown = [picture["alt"] for picture in found.pictures if picture["alt"].startswith("Photograph ")]
    assert shown == [f"Photograph {stem}" for stem in expected.stem]
    embedded = [picture for picture in found.pictures if picture["src"].startswith("data:image/")]
    assert len(embedded) == 6 * 5
    assert "6 test images with cracks from the worst to the best" in found.text


def test_parts_of_test_have_their_figures(ready, params):
    text = page(ready, params).text
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    for source in ("CFD", "CRACK500", "photos"):
        own = table[table.source == source]
        iou = own.tp.sum() / (own.tp + own.fp + own.fn).sum()
        assert f"{source} 2 2 {iou:.3f}" in text
    assert "By crack width" in text
    assert "By contrast" in text


def test_false_alarms_are_counted_and_can_be_looked_at(ready, params):
    assert "0 of 2 crack-free images have a false alarm." in page(ready, params).text
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    table.loc[table.stem == "noncrack_wall_6", "fp"] = 40
    table.to_csv(ready.reports / "per_image.csv", index=False)
    found = page(ready, params)
    assert "1 of 2 crack-free images has a false alarm." in found.text
    assert "gallery/index.html#kind=alarm" in found.links


def test_the_gallery_has_every_scored_image(ready, params):
    foreign = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str}).tail(1)
    images = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str}).iloc[:-1]
    images.to_csv(ready.reports / "per_image.csv", index=False)
    foreign.to_csv(ready.reports / "foreign_per_image.csv", index=False)
    report.run(ready, params)
    rows = {row["stem"]: row for row in gallery_rows(ready)}
    assert sorted(rows) == sorted([*images.stem, *foreign.stem])
    assert [stem for stem, row in rows.items() if row["far"]] == list(foreign.stem)
    assert rows["noncrack_wall_6"] | {"cracked": False, "width": None, "contrast": None} == rows["noncrack_wall_6"]
    # the model marks bands of 3 px, drawn by hand in conftest
    assert 2 < rows["CFD_006"]["width"] <= 3
    assert 0.5 < rows["CFD_006"]["contrast"] <= 1
    for kind, suffix in (
        ("photo", "webp"),
        ("truth", "png"),
        ("prediction", "png"),
        ("errors", "png"),
        ("thumb", "webp"),
    ):
        files = {path.name for path in (ready.reports / "gallery" / kind).iterdir()}
        assert files == {f"{stem}.{suffix}" for stem in rows}


def test_places_never_seen_stand_beside_test(ready, params):
    assert "left out of training" not in page(ready, params).text
    metrics = json.loads(ready.metrics_json.read_text())
    kept = ("crack", "all_background", "intervals", "protocol")
    foreign = {**{name: metrics[name] for name in kept}, "by_source": {"far": 0.25}, "mean_of_sources": 0.25}
    foreign["crack"] = {**foreign["crack"], "pooled": {"iou": 0.125, "f1": 0.2, "precision": 0.3, "recall": 0.4}}
    ready.metrics_json.write_text(json.dumps({**metrics, "foreign": foreign}))
    for name in ("per_source.csv", "per_image.csv"):
        table = pd.read_csv(ready.reports / name, dtype={"stem": str}).head(1).assign(source="far")
        table.to_csv(ready.reports / f"foreign_{name}", index=False)
    text = page(ready, params).text
    assert "On 8 images of places never seen" in text
    assert "averaged over the sources with cracks, 0.250" in text
    assert "Places never seen: images of sources that were left out of training." in text


def test_the_operating_point_is_said_in_words(ready, params):
    text = page(ready, params).text
    point = json.loads(ready.operating_point.read_text())
    assert point["peak"] or point["smallest_area"]
    if point["peak"]:
        assert f"are nowhere above {point['peak']:.5f} are removed." in text
    assert "with a false alarm from 100 % to 0 %; the pooled IoU became" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "false alarms are within the target of 0.1." in text
    flips = json.loads(ready.metrics_json.read_text())["flips"]["averaged"]
    assert "as it is (used)" in text
    assert f"mean over flips {flips['pooled']['iou']:.3f} {flips['pooled']['f1']:.3f}" in text
    point |= {"peak": 0, "smallest_area": 1049, "flips": True}
    ready.operating_point.write_text(json.dumps(point))
    text = page(ready, params).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "components that cover less than 1,049 px are removed." in text
    assert "Probabilities are the mean over four flips of an image." in text
    assert "mean over flips (used)" in text
    ready.operating_point.write_text(json.dumps(point | {"smallest_area": 0, "component_filter": "switched off"}))
    assert "No component is removed: switched off." in page(ready, params).text


def test_calibration_is_said_beside_that_of_an_all_black_mask(ready, params):
    metrics = json.loads(ready.metrics_json.read_text())
    metrics["calibration"] = {"ece": 0.0125, "excess": -0.003, "all_background_ece": 0.02}
    ready.metrics_json.write_text(json.dumps(metrics))
    text = page(ready, params).text
    assert "the two are 0.0125 apart (expected calibration error); a mask without any crack is 0.0200 apart" in text
    assert "The mean probability is 0.0030 below the share of crack. Numbers:" in text
    metrics["calibration"] |= {"temperature": 1.5, "ece_at_temperature": 0.004}
    ready.metrics_json.write_text(json.dumps(metrics))
    assert (
        "With a temperature of 1.50, which is best on valid, they would be 0.0040 apart. Numbers:"
        in page(ready, params).text
    )


def test_the_metric_of_the_threshold_has_the_words_of_the_headline(ready, params):
    point = json.loads(ready.operating_point.read_text())
    ready.operating_point.write_text(json.dumps({**point, "metric": "per_image_iou"}))
    assert "the threshold with the best mean IoU, all images on the" in page(ready, params).text


def test_the_originals_dice_is_never_alone(ready, params):
    text = page(ready, params).text
    original = json.loads(ready.metrics_json.read_text())["original"]
    ours, nothing = original["dice_coef_multiclass"], original["dice_coef_multiclass_all_background"]
    assert f"dice_coef_multiclass {ours:.4f} {nothing:.4f}" in text
    assert f"scores {nothing:.4f}" in text


def test_rejected_pairs_are_listed_with_their_reason(ready, params):
    assert "broken broken.jpg is truncated or not an image" in page(ready, params).text


def test_a_group_on_two_sides_is_called_out(ready, params):
    assert "No group lies in more than one subset" in page(ready, params).text
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    dataset["groups"]["in_several_subsets"] = 2
    path.write_text(json.dumps(dataset))
    assert "2 groups in more than one subset: test is not independent" in page(ready, params).text


def test_the_proof_sets_this_split_beside_a_random_one(ready, params):
    text = page(ready, params).text
    assert "this split 8 0 0 0 0.0 % 0 0 random, by pair 8 5 2 6 75.0 % 9 3" in text
    assert "In a random split of these pairs that holds for 75 % of the test pairs." in text
    assert "as the data came" not in text
    assert "Test is not independent" not in text


def test_parents_that_no_name_tells_are_said_and_are_no_zero(ready, params):
    assert "Parents unknown" not in page(ready, params).text
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    dataset["split"]["parents_by_name"] = 0
    path.write_text(json.dumps(dataset))
    text = page(ready, params).text
    assert "Parents unknown: by content alone." in text
    assert "this split 8 unknown 0 0 0.0 % unknown 0 random, by pair 8 unknown 2 6 75.0 % unknown 3" in text


def test_a_split_that_leaks_is_called_out_above_the_figures(ready, params):
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    leaks = dataset["split"]["leaks"]
    leaks["official"] = leaks["this"] = {**leaks["random"], "test_leaked": 4, "share": 0.5}
    dataset["split"]["protocol"] = "official"
    path.write_text(json.dumps(dataset))
    text = page(ready, params).text
    warning = "Test is not independent: 4 of 8 test pairs (50 %)"
    assert text.count(warning) == 1
    assert text.index(warning) < text.index("both agree on")
    assert "as the data came 8 5 2 4 50.0" in text
    assert "in the subsets that the data came with, for 50" in text


def test_pairs_set_aside_are_listed_up_to_twenty(ready, params):
    assert "set aside" not in page(ready, params).text
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    dataset["set_aside"] = [{"name": f"pair {number:02d}", "reason": "joins two groups"} for number in range(25)]
    path.write_text(json.dumps(dataset))
    text = page(ready, params).text
    assert "25 pairs set aside by the split The first 20; the rest" in text
    assert "pair 19 joins two groups" in text
    assert "pair 20" not in text


def test_suspicious_labels_are_shown_and_counted_by_reason(ready, params):
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    reasons = {**dataset["labels"]["reasons"], "shows nothing": 2, "too thick": 1}
    dataset["labels"] |= {"suspicious": 3, "shown": 5, "reasons": reasons, "same_mask": 2}
    path.write_text(json.dumps(dataset))
    found = page(ready, params)
    assert (
        "3 score 0.5 or more (shows nothing 2, too thick 1). 2 labels belong to two different photographs" in found.text
    )
    assert "suspicious.png" in [picture["src"] for picture in found.pictures]


def test_without_duplicates_or_suspects_no_blank_picture_is_shown(ready, params):
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    dataset["duplicates"]["pairs"] = dataset["labels"]["shown"] = 0
    path.write_text(json.dumps(dataset))
    found = page(ready, params)
    assert not {"duplicates.png", "suspicious.png"} & {picture["src"] for picture in found.pictures}
    assert "No two photographs look alike." in found.text


def test_the_worst_images_come_worst_first(ready, params):
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    table.loc[:, "iou"] = 0.9
    table.loc[table.stem == "CFD_006", ["iou", "fp", "fn"]] = 0.0, 5, 5
    table.loc[table.stem == "my wall #7", ["iou", "fp", "fn"]] = 0.0, 50, 5
    table.loc[table.stem == "11116", "iou"] = 0.2
    table.to_csv(ready.reports / "per_image.csv", index=False)
    found = page(ready, params)
    text = found.text[found.text.index("with the lowest IoU") :]
    assert text.index("my wall #7") < text.index("CFD_006") < text.index("11116") < text.index("CFD_007")
    assert "gallery/index.html#my%20wall%20%237" in found.links


def test_words_from_outside_are_text_and_not_html(ready, params):
    hostile = params.model_copy(update={"report": ReportParams(title="</title><b>cracks</b> & {{ more }}")})
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    table.loc[table.stem == "CFD_006", "source"] = EVIL
    table.to_csv(ready.reports / "per_image.csv", index=False)
    metrics = json.loads(ready.metrics_json.read_text())
    metrics["classes"] = {EVIL: {"pooled": {"iou": 0.5, "f1": 0.25}}}
    ready.metrics_json.write_text(json.dumps(metrics))
    found = page(ready, hostile)
    for one in (found, gallery(ready)):
        assert one.faults == []
        assert "</title><b>cracks</b> & {{ more }}" in one.text
        assert len([kind for kind, _ in one.scripts if not kind]) == 1
    assert found.text.count(EVIL) >= 2
    assert EVIL in [row["source"] for row in gallery_rows(ready)]
    for name in ("index.html", "gallery/index.html"):
        text = (ready.reports / name).read_text(encoding="utf-8")
        assert "<b>" not in text
        assert "<script>alert" not in text


def test_without_epoch_pictures_the_page_has_no_gap(ready, params):
    (ready.reports / "epoch_change_infer" / "sheet.png").unlink()
    assert "epoch_change_infer/sheet.png" not in [picture["src"] for picture in page(ready, params).pictures]


def test_three_classes_get_a_table_of_their_own(ready, params):
    assert "Each class against all others" not in page(ready, params).text
    metrics = json.loads(ready.metrics_json.read_text())
    metrics["classes"] = {
        "crack": {"pooled": {"iou": 0.5, "f1": 0.25}},
        "spalling": {"pooled": {"iou": None, "f1": 0.125}},
    }
    ready.metrics_json.write_text(json.dumps(metrics))
    text = page(ready, params).text
    assert "crack 0.500 0.250 spalling \N{EN DASH} 0.125" in text


def test_the_origin_of_the_pairs_is_said(ready, params):
    ready.raw_json.write_text(json.dumps({"origin": "the folder photos"}))
    assert "32 pairs from the folder photos;" in page(ready, params).text


def test_two_runs_give_the_same_bytes(ready, params):
    report.run(ready, params)
    first = [(ready.reports / name).read_bytes() for name in ("index.html", "gallery/index.html")]
    report.run(ready, params)
    assert [(ready.reports / name).read_bytes() for name in ("index.html", "gallery/index.html")] == first
