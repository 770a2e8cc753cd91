import json
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from crackflow.imaging.images import read_image, write_png
from crackflow.params import ReportParams
from crackflow.visualization.charts import lines
from tasks import evaluate, infer, report, statistics
from tasks.workspace import Workspace


class Page(HTMLParser):
    """What a page links to, its pictures, its headings and its text."""

    def __init__(self, text):
        super().__init__()
        self.links, self.pictures, self.ids, self.words = [], [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("href", "src") if name in attrs]
        if tag == "img":
            self.pictures.append(attrs)
        if tag == "section":
            self.ids.append(attrs["id"])

    def handle_data(self, data):
        self.words.append(data)


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


def test_every_link_leads_to_a_file_or_a_place_on_the_page(ready, params):
    found = page(ready, params)
    assert len(found.links) > 30
    for link in found.links:
        assert "://" not in link
        if link.startswith("#"):
            assert link[1:] in found.ids
        else:
            assert (ready.reports / unquote(link)).exists(), link


def test_nothing_is_fetched_from_elsewhere(ready, params):
    report.run(ready, params)
    text = (ready.reports / "index.html").read_text(encoding="utf-8")
    for sign in ("http:", "https:", 'src="//', "@import", "url(", "<script", "<link"):
        assert sign not in text


def test_pictures_are_described_for_those_who_do_not_see_them(ready, params):
    found = page(ready, params)
    assert [picture["src"] for picture in found.pictures] == [
        "mini_test/sheet.png",
        "precision_recall.png",
        "train_losses.png",
        "train_metrics.png",
        "epoch_change_infer/sheet.png",
        "Crack_Statistics.png",
        "label_thickness.png",
        "sample_images.png",
        "sample_masks.png",
        "sample_overlays.png",
        "duplicates.png",
        "worst.png",
    ]
    assert all(len(picture["alt"]) > 20 for picture in found.pictures)


def test_sections_come_in_order_of_interest(ready, params):
    order = ["figures", "seen", "sources", "curves", "training", "data", "worst", "original", "files"]
    assert page(ready, params).ids == order


def test_crack_figures_lead_with_their_protocol_and_the_empty_mask(ready, params):
    text = page(ready, params).text
    metrics = json.loads(ready.metrics_json.read_text())
    iou, protocol = metrics["crack"]["pooled"]["iou"], metrics["protocol"]
    low, high = metrics["intervals"]["crack"]["pooled_iou"]
    interval = f"{low:.2f} to {high:.2f}"
    assert f"Crack pooled IoU {iou:.3f} 95 % interval {interval} all-black mask 0.000" in text
    assert f"pooled IoU {iou:.3f} ({interval}) 0.000" in text
    assert "from 8 groups of photographs" in text
    assert "The test subset has 8 images, 6 of them with cracks." in text
    assert f"above {protocol['threshold']:.4f}: the threshold with the best pooled IoU on the 8 images of valid" in text
    assert "F1 within 2 px" in text
    assert text.index("Crack pooled IoU") < text.index("dice_coef_multiclass")


def test_places_never_seen_stand_beside_test(ready, params):
    assert "left out of training" not in page(ready, params).text
    metrics = json.loads(ready.metrics_json.read_text())
    kept = ("crack", "all_background", "intervals", "protocol")
    foreign = {**{name: metrics[name] for name in kept}, "by_source": {"far": 0.25}, "mean_of_sources": 0.25}
    foreign["crack"] = {**foreign["crack"], "pooled": {"iou": 0.125, "f1": 0.2, "precision": 0.3, "recall": 0.4}}
    ready.metrics_json.write_text(json.dumps({**metrics, "foreign": foreign}))
    table = pd.read_csv(ready.reports / "per_source.csv").head(1).assign(source="far")
    table.to_csv(ready.reports / "foreign_per_source.csv", index=False)
    text = page(ready, params).text
    assert "places never seen 0.125" in text
    assert "averaged over the sources with cracks, is 0.250" in text
    assert "Images of sources that were left out of training" in text


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
    assert text.count(warning) == 2
    assert text.index(warning) < text.index("Crack pooled IoU")
    assert "as the data came 8 5 2 4 50.0" in text
    assert "in the subsets that the data came with, for 50" in text


def test_pairs_set_aside_are_listed_up_to_twenty(ready, params):
    assert "set aside" not in page(ready, params).text
    path = ready.reports / "dataset.json"
    dataset = json.loads(path.read_text())
    dataset["set_aside"] = [{"name": f"pair {number:02d}", "reason": "joins two groups"} for number in range(25)]
    path.write_text(json.dumps(dataset))
    text = page(ready, params).text
    assert "25 pairs set aside by the split The first 20" in text
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


def test_the_worst_images_come_worst_first(ready, params, place_of):
    table = pd.read_csv(ready.reports / "per_image.csv", dtype={"stem": str})
    table.loc[:, "iou"] = 0.9
    table.loc[table.stem == "CFD_006", ["iou", "fp", "fn"]] = 0.0, 5, 5
    table.loc[table.stem == "my wall #7", ["iou", "fp", "fn"]] = 0.0, 50, 5
    table.loc[table.stem == "11116", "iou"] = 0.2
    table.to_csv(ready.reports / "per_image.csv", index=False)
    text = page(ready, params).text
    text = text[text.index("All test images") :]
    assert text.index("my wall #7") < text.index("CFD_006") < text.index("11116") < text.index("CFD_007")
    sheet = read_image(ready.reports / "worst.png")
    truth = read_image(ready.resized / "masks" / "my wall #7.png")
    # pictures of 64 px are enlarged four times on the sheet
    place_of(sheet, truth.repeat(4, axis=0).repeat(4, axis=1))
    worst = read_image(ready.resized / "images" / "my wall #7.png").repeat(4, axis=0).repeat(4, axis=1)
    second = read_image(ready.resized / "images" / "CFD_006.png").repeat(4, axis=0).repeat(4, axis=1)
    assert place_of(sheet, worst)[0] < place_of(sheet, second)[0]


def test_words_from_outside_are_text_and_not_html(ready, params):
    hostile = params.model_copy(update={"report": ReportParams(title="<b>cracks</b> & more")})
    assert "<b>cracks</b> & more" in page(ready, hostile).text
    assert "<b>" not in (ready.reports / "index.html").read_text(encoding="utf-8")


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
    first = [(ready.reports / name).read_bytes() for name in ("index.html", "worst.png")]
    report.run(ready, params)
    assert [(ready.reports / name).read_bytes() for name in ("index.html", "worst.png")] == first
