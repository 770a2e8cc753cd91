"""pipelines/flows/gate.py, with models whose crack probability follows from the grey level; real evaluate, real DVC."""

import json
import shutil

import cv2
import keras
import numpy as np
import pytest
from dvc.repo import Repo

from crackflow.inference import packaged_weights
from crackflow.inference.card import card_values
from crackflow.models import seen_pairs
from crackflow.params import Params, parse, render
from pipelines.commands import model_choice
from pipelines.flows import gate
from pipelines.flows.results_branch import BRANCH
from pipelines.git import git
from tasks import evaluate
from tasks.workspace import Workspace

SIDE = 64
PARAMS = Params.model_validate(
    {
        "resize": {"size": SIDE},
        "train": {"crop": 0},
        "evaluate": {"compare_flips": False, "false_alarms": 1.0},
    }
)
SUBSETS = ["train", "train", "valid", "valid", *["test"] * 6]
STEMS = [f"CFD_{number:03d}" for number in range(len(SUBSETS))]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("gate")
    Repo.init(str(root), no_scm=True).close()
    return root


@pytest.fixture
def checkout(project, tmp_path):
    """A band of crack at level 40, brighter ground, and beside the band a stain whose level differs by picture."""
    root = tmp_path / "checkout"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_bytes((project / ".dvc/config").read_bytes())
    workspace = Workspace(root)
    (root / "params.yaml").write_text(render(PARAMS))
    for kind in ("images", "masks"):
        (workspace.resized / kind).mkdir(parents=True)
    rows = ["stem,photograph,source,parent,group,subset,mini_test"]
    for number, (stem, subset) in enumerate(zip(STEMS, SUBSETS, strict=True)):
        mask, level = np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 200, np.uint8)
        mask[8:12] = 255
        level[8:12] = 40
        level[20:24, : 4 + number] = 100
        cv2.imwrite(str(workspace.resized / f"images/{stem}.png"), level)
        cv2.imwrite(str(workspace.resized / f"masks/{stem}.png"), mask)
        rows.append(f"{stem},{stem},CFD,{stem},{number // 2},{subset},0")
    workspace.split_csv.write_text("\n".join(rows) + "\n")
    return workspace


# What training and evaluate left, by what they were given: most tests ask for the same two models.
LEFT = {}
WRITTEN = ("models/flexunet.keras", "models/trained_on.txt", "models/operating_point.json", "metrics", "reports")


def train(workspace, level, trained=("CFD_000", "CFD_001"), params=PARAMS):
    """A model to which what is darker than `level` is crack; `evaluate` then does what it does in a rebuild."""
    key = (level, tuple(trained), params.model_dump_json(), workspace.split_csv.read_text())
    if key not in LEFT:
        pixels = keras.Input((SIDE, SIDE, 3))
        layer = keras.layers.Conv2D(2, 1, activation="softmax")
        model = keras.Model(pixels, layer(pixels))
        kernel = np.array([0, -1 / 3] * 3, np.float32).reshape(1, 1, 3, 2)
        layer.set_weights([kernel, np.array([0, level], np.float32)])
        workspace.model.parent.mkdir(exist_ok=True)
        model.save(workspace.model)
        workspace.trained_on.write_text(seen_pairs.render(trained))
        evaluate.run(workspace, params)
        found = [path for name in WRITTEN for path in (workspace.root / name, *(workspace.root / name).rglob("*"))]
        LEFT[key] = {path.relative_to(workspace.root): path.read_bytes() for path in found if path.is_file()}
        return
    for name, content in LEFT[key].items():
        (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / name).write_bytes(content)


def test_the_first_model_becomes_the_champion_and_dvc_knows_it(checkout):
    train(checkout, 70)
    verdict = gate.judge(checkout, "abc")
    assert verdict == gate.Verdict("Promoted", "there was no champion")
    assert gate.read_verdict(checkout) == verdict
    folder = checkout.root / "models/champion"
    assert (folder / "flexunet.keras").read_bytes() == checkout.model.read_bytes()
    assert "path: champion" in (checkout.root / "models/champion.dvc").read_text()
    chosen = model_choice.choose(checkout.root, "models/champion")
    assert chosen.name == "the weights in models/champion (abc)"
    assert chosen.point().threshold == json.loads(checkout.operating_point.read_text())["threshold"]
    seen = packaged_weights.seen(folder)
    assert seen_pairs.known(STEMS, seen.trained_on) == STEMS[:2]
    assert seen_pairs.known(STEMS, seen.chosen_on) == STEMS[2:4]


def test_the_same_model_stays_champion(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    before = (checkout.root / "models/champion.dvc").read_text()
    assert gate.judge(checkout, "def").name == "Unchanged"
    assert (checkout.root / "models/champion.dvc").read_text() == before


def test_a_better_one_takes_its_place(checkout):
    """The old one takes stains for cracks: beside 4 x 64 px of crack, 4 x (8 to 13) px of stain."""
    train(checkout, 150)
    gate.judge(checkout, "abc")
    train(checkout, 70)
    verdict = gate.judge(checkout, "def")
    crack, stains = 6 * 256, 4 * sum(range(8, 14))
    assert (verdict.name, verdict.champion) == ("Promoted", "abc")
    assert verdict.delta == pytest.approx(1 - crack / (crack + stains))
    assert "no worse than the gate asks: pooled_iou 0.8591 -> 1.0000" in verdict.reason
    card = card_values(checkout.root / "models/champion")
    assert (card["revision"], card["promoted"]) == ("def", verdict.reason)


def test_a_worse_one_does_not(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    champion = (checkout.root / "models/champion.dvc").read_text()
    train(checkout, 150)
    candidate = checkout.model.read_bytes()
    verdict = gate.judge(checkout, "def")
    assert verdict.name == "Rejected"
    assert "less than gate.min_delta +0 better: pooled_iou 1.0000 -> 0.8591" in verdict.reason
    assert (checkout.root / "models/champion.dvc").read_text() == champion
    assert checkout.model.read_bytes() == candidate


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"min_delta": -0.2}, "Promoted"),
        ({"min_delta": -0.1}, "Rejected"),
        ({"metric": "none"}, "Promoted"),
        ({"min_delta": -0.2, "confidence": 0.5}, "Rejected"),
    ],
)
def test_the_gates_params_decide(checkout, settings, name):
    """A model that is worse by 0.141: with confidence 0 it may be, with 0.5 it must not be likely to be worse."""
    train(checkout, 70)
    gate.judge(checkout, "abc")
    train(checkout, 150)
    values = {**PARAMS.model_dump(mode="json"), "gate": {"metric": "pooled_iou", "confidence": 0.0, **settings}}
    (checkout.root / "params.yaml").write_text(render(parse({**values, "gate": {"min_delta": 0.0, **values["gate"]}})))
    assert gate.judge(checkout, "def").name == name


def test_what_the_champion_has_seen_is_not_compared_on(checkout):
    train(checkout, 150)
    gate.judge(checkout, "abc")
    text = checkout.split_csv.read_text()
    for old, new in (("CFD_001,CFD_001,CFD,CFD_001,0,train", "test"), ("CFD_002,CFD_002,CFD,CFD_002,1,valid", "test")):
        text = text.replace(old, old.rpartition(",")[0] + f",{new}")
    checkout.split_csv.write_text(text)
    train(checkout, 70, trained=["CFD_000"])
    assert "on 6 images" in gate.judge(checkout, "def").reason


def test_a_champion_that_has_seen_every_test_image_can_not_be_met(checkout):
    train(checkout, 150, trained=STEMS[:2])
    gate.judge(checkout, "abc")
    (checkout.root / "models/champion/trained_on.txt").unlink()
    (checkout.root / "models/champion/trained_on.txt").write_text(seen_pairs.render(STEMS))
    train(checkout, 70)
    verdict = gate.judge(checkout, "def")
    assert verdict.name == "Rejected"
    assert "it has seen every test image" in verdict.reason
    assert "gate.metric: none" in verdict.reason


def test_a_champion_of_another_size_can_not_be_met(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    card = checkout.root / "models/champion/card.json"
    values = json.loads(card.read_text())
    card.unlink()
    card.write_text(json.dumps({**values, "resize": {"size": 128, "mode": "stretch"}}))
    train(checkout, 150)
    assert "another size of picture" in gate.judge(checkout, "def").reason


def test_a_champion_whose_folder_is_gone_is_brought_back_and_met(checkout, under_git):
    """A work tree that was made anew has no folder; the pointer may be on the branch of results alone."""
    train(checkout, 70)
    gate.judge(checkout, "abc")
    model = checkout.model.read_bytes()
    train(checkout, 150)
    shutil.rmtree(checkout.root / "models/champion")
    assert gate.judge(checkout, "def").name == "Rejected"
    assert (checkout.root / "models/champion/flexunet.keras").read_bytes() == model

    under_git(checkout.root)
    git(checkout.root, "add", "--force", "models/champion.dvc")
    git(checkout.root, "commit", "--quiet", "-m", "results")
    git(checkout.root, "branch", BRANCH)
    git(checkout.root, "rm", "--quiet", "models/champion.dvc")
    git(checkout.root, "commit", "--quiet", "-m", "the revision knows no champion")
    shutil.rmtree(checkout.root / "models/champion")
    train(checkout, 151)
    assert gate.judge(checkout, "ghi").name == "Rejected"
    assert (checkout.root / "models/champion/flexunet.keras").read_bytes() == model


def test_a_champion_that_nobody_holds_is_not_taken_for_none(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    for place in ("models/champion", ".dvc/cache"):
        shutil.rmtree(checkout.root / place)
    train(checkout, 150)
    verdict = gate.judge(checkout, "def")
    assert verdict.name == "Rejected"
    assert "champion.dvc names a champion that neither DVC's cache nor its remote has" in verdict.reason
    values = {**PARAMS.model_dump(mode="json"), "gate": {"metric": "none", "min_delta": 0.0, "confidence": 0.5}}
    (checkout.root / "params.yaml").write_text(render(parse(values)))
    assert gate.judge(checkout, "def").name == "Promoted"


def test_a_rejection_is_said_once(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    train(checkout, 150)
    first = gate.judge(checkout, "def")
    again = gate.judge(checkout, "def")
    assert (first.name, again.name) == ("Rejected", "Unchanged")
    assert again.reason == f"rejected before: {first.reason}"
    assert gate.judge(checkout, "def") == again
    train(checkout, 151)
    assert gate.judge(checkout, "ghi").name == "Rejected"


def test_a_run_that_died_before_dvc_knew_the_champion_is_made_up_for(checkout):
    train(checkout, 70)
    gate.judge(checkout, "abc")
    pointer = checkout.root / "models/champion.dvc"
    right = pointer.read_text()
    pointer.unlink()
    assert gate.judge(checkout, "abc").name == "Unchanged"
    assert pointer.read_text() == right


def test_as_a_program_it_says_in_one_line_what_the_system_will_not_do(checkout, capsys):
    train(checkout, 70)
    (checkout.root / ".crackflow/gate.json").mkdir(parents=True)
    assert gate.main([str(checkout.root), "abc"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    place = checkout.root / ".crackflow/gate.json"
    assert said == f"error: gate: {place}: Is a directory; name another path, and run again"


def test_as_a_program_it_prints_the_verdict_and_says_what_is_wrong(checkout, capsys):
    assert gate.main([str(checkout.root), "abc"]) != 0
    assert "error: gate: no figures yet" in capsys.readouterr().err
    train(checkout, 70)
    assert gate.main([str(checkout.root), "abc"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Promoted: there was no champion"
