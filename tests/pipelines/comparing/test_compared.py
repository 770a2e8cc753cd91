import json
import shutil

import pytest
import yaml
from dvc.repo import Repo

from crackflow.errors import DataError
from pipelines.comparing.compared import SEED_SPREAD, _seed_spread, compare, deciding
from pipelines.comparing.result import Figure, Image
from pipelines.comparing.side import find

OLD = "stem,source,tp,fp,fn\na,x,50,50,0\nb,x,10,0,30\nc,y,0,5,0\nd,y,20,20,0\n"
NEW = "stem,source,tp,fp,fn\nd,y,20,0,0\na,x,50,0,0\nb,x,20,0,20\nc,y,0,0,0\n"

# 30 photographs of one image each: the second model finds ten pixels more of each crack.
MANY_OLD = "stem,source,tp,fp,fn\n" + "".join(f"i{n},x,{40 + n},5,{40 - n}\n" for n in range(30))
MANY_NEW = "stem,source,tp,fp,fn\n" + "".join(f"i{n},x,{50 + n},5,{30 - n}\n" for n in range(30))
MANY_SPLIT = "stem,group\n" + "".join(f"i{n},g{n}\n" for n in range(30))


def compared(repository, old="main", new="better", **options):
    return compare(find(repository.root, old), find(repository.root, new), **options)


def many(repository, new, split=MANY_SPLIT):
    """Working files against a commit, with the tables given."""
    repository.write("made/per_image.csv", MANY_OLD)
    repository.write("made/split.csv", split)
    repository.run_stages()
    repository.commit("many")
    repository.write("reports/per_image.csv", new)
    return compared(repository, "HEAD", None)


def test_two_commits(repository):
    """Pooled IoU 80 / 185 and 90 / 110; of source x 60 / 140 and 70 / 90, of y 20 / 45 and 20 / 20."""
    found = compared(repository)
    assert [one.key for one in found.params] == ["train.epochs", "data.include"]
    assert (found.images, found.groups, found.metric, found.data) == (4, 3, "pooled_iou", ())
    [pooled] = [one for one in found.figures if one.name == "pooled_iou"]
    assert (pooled.old, pooled.new) == pytest.approx((80 / 185, 90 / 110))
    assert pooled.change == pytest.approx(90 / 110 - 80 / 185)
    assert pooled.low < pooled.change < pooled.high
    by_source = {one.source: one.figure for one in found.sources}
    assert (by_source["x"].old, by_source["x"].new) == pytest.approx((60 / 140, 70 / 90))
    assert (by_source["y"].old, by_source["y"].new) == pytest.approx((20 / 45, 1))
    # c is free of cracks: a false alarm less is an IoU of 1
    assert found.gained == (
        Image("c", "y", 0, 1),
        Image("a", "x", 0.5, 1),
        Image("d", "y", 0.5, 1),
        Image("b", "x", 0.25, 0.5),
    )
    assert found.lost == ()


def test_the_other_way_round_it_is_worse(repository):
    found = compared(repository, "better", "main")
    assert [one.stem for one in found.lost] == ["c", "a", "d", "b"]
    assert found.gained == ()
    alarms = next(one for one in found.figures if one.name == "false_alarms_images")
    assert (alarms.old, alarms.new) == (0, 1)
    many(repository, MANY_NEW)
    back = compare(find(repository.root, None), find(repository.root, "HEAD"))
    assert (back.outcome, len(back.lost), back.gained) == ("worse", 6, ())


def test_three_photographs_settle_nothing(repository):
    assert compared(repository).outcome == "not told apart"


def test_many_photographs_settle_it(repository):
    found = many(repository, MANY_NEW)
    assert found.outcome == "better"
    assert found.verdict.startswith("better: pooled IoU 0.")
    assert "from 30 images, 30 groups of photographs" in found.verdict


def test_what_a_seed_alone_may_do_is_not_told_apart(repository):
    """Five pixels more of each of 30 cracks are sure of the photographs, and within what two seeds differ by."""
    new = "stem,source,tp,fp,fn\n" + "".join(f"i{n},x,{45 + n},5,{35 - n}\n" for n in range(30))
    found = many(repository, new)
    assert found.outcome == "not told apart"
    assert found.verdict.endswith("; one training each, and seeds alone spread it by 0.03")
    sides = find(repository.root, "HEAD"), find(repository.root, None)
    models = compare(*sides, seed_spread=0)
    assert models.outcome == "better"
    assert "seeds" not in models.verdict
    assert models.verdict.endswith("30 groups of photographs")


def test_of_one_model_seeds_explain_nothing(repository):
    """The same weights in dvc.lock: another operating point, say."""
    lock = "stages:\n  train:\n    outs: [{path: models/flexunet.keras, md5: abc}]\n"
    repository.write("dvc.lock", lock)
    sides = find(repository.root, None), find(repository.root, None)
    assert _seed_spread(*sides) == 0
    assert _seed_spread(find(repository.root, "main"), sides[1]) == SEED_SPREAD


def test_a_stage_that_was_run_by_hand_makes_another_model_and_is_said(repository):
    """Five pixels more of each crack are sure of one model; what lies there is another one."""
    repository.write("models/flexunet.keras", "old")
    repository.write("made/per_image.csv", MANY_OLD)
    repository.write("made/split.csv", MANY_SPLIT)
    repository.run_stages()
    lock = (repository.root / "dvc.lock").read_text()
    # MD5 of the three letters
    trained = "  train:\n    cmd: x\n    outs: [{path: models/flexunet.keras, md5: 149603e6c03516362a8da23f624db945}]\n"
    repository.write("dvc.lock", lock + trained)
    repository.commit("many")
    assert compared(repository, "HEAD", None).caveats == ()
    repository.write("models/flexunet.keras", "new")
    five_more = "stem,source,tp,fp,fn\n" + "".join(f"i{n},x,{45 + n},5,{35 - n}\n" for n in range(30))
    repository.write("reports/per_image.csv", five_more)
    found = compared(repository, "HEAD", None)
    assert found.outcome == "not told apart"
    assert "seeds alone spread it by 0.03" in found.verdict
    [caveat] = found.caveats
    assert caveat.startswith(
        "not as dvc.lock has it: models/flexunet.keras and reports/per_image.csv of the working files. "
    )
    # the old model again, and figures that may be of any
    repository.write("models/flexunet.keras", "old")
    assert "seeds alone" in compared(repository, "HEAD", None).verdict


def test_a_spread_that_is_asked_for_counts_of_one_model_too(repository):
    side = find(repository.root, "better")
    assert "seeds alone spread it by 0.5" in compare(side, side, seed_spread=0.5).verdict


def with_rate(repository, recorded, now):
    """params.yaml, and what dvc.lock has of the stage that the figures come of, and of one that they do not."""
    lock = yaml.safe_load((repository.root / "dvc.lock").read_text())
    lock["stages"]["evaluate"]["params"] = {"params.yaml": {"train": {"rate": recorded, "seed": 0}, "train.seed": 0}}
    lock["stages"]["report"] = {"cmd": "x", "params": {"params.yaml": {"report": {"title": "another"}}}}
    repository.write("dvc.lock", yaml.safe_dump(lock))
    repository.write("params.yaml", f"train: {{rate: {now}, seed: 0}}\nreport: {{title: one}}\n")


def test_parameters_that_were_never_built_get_no_verdict(repository):
    with_rate(repository, 0.005, 0.005)
    repository.commit("built")
    assert compared(repository, "HEAD", None).outcome == "not told apart"
    with_rate(repository, 0.005, 0.5)
    found = compared(repository, "HEAD", None)
    assert found.outcome == "no verdict"
    assert found.verdict.startswith(
        "no verdict: the working files: not built with these: train.rate 0.5 (built with 0.005); run `dvc repro`; "
    )
    commit = repository.commit("not built")[:10]
    found = compared(repository, "HEAD~1", "HEAD")
    assert found.verdict.startswith(f"no verdict: {commit}: not built with these: train.rate 0.5 ")
    assert {one.verdict for one in found.figures} <= {None}
    # the same of both is said once
    found = compared(repository, "HEAD", None)
    assert found.verdict.startswith(
        f"no verdict: {commit} and the working files: not built with these: train.rate 0.5 "
    )
    assert found.verdict.count("train.rate") == 1


def test_parameters_of_a_stage_before_count_too(repository):
    lock = yaml.safe_load((repository.root / "dvc.lock").read_text())
    lock["stages"]["evaluate"]["deps"].append({"path": "data/split.csv"})
    lock["stages"]["split"]["params"] = {"params.yaml": {"train.epochs": 9}}
    repository.write("dvc.lock", yaml.safe_dump(lock))
    assert "these: train.epochs 8 (built with 9); run" in compared(repository, "main", None).verdict
    # a parameter that a newer version brought
    lock["stages"]["split"]["params"]["params.yaml"] = {"train": {"loss": {"dice": 1.0}}}
    repository.write("dvc.lock", yaml.safe_dump(lock))
    assert "these: train.epochs 8 (built without it); run" in compared(repository, "main", None).verdict


def test_gains_and_losses_that_balance_are_not_told_apart(repository):
    """Every second image gains ten pixels, the others lose as many."""
    rows = [
        "stem,source,tp,fp,fn",
        *(f"i{n},x,{40 + n + s},5,{40 - n - s}" for n in range(30) for s in [10 * (-1) ** n]),
    ]
    found = many(repository, "\n".join(rows) + "\n")
    assert found.outcome == "not told apart"
    assert "only train.seed" not in " ".join(found.caveats)


def test_one_photograph_is_no_verdict(repository):
    found = many(repository, MANY_NEW, "stem,group\n" + "".join(f"i{n},g\n" for n in range(30)))
    assert found.outcome == "no verdict"
    assert "all that counts is of one photograph" in found.verdict
    assert {one.verdict for one in found.figures} == {None}


def test_another_test_set_is_said_first_and_the_shared_images_are_compared(repository):
    kept = MANY_NEW.splitlines()
    new = "\n".join([*kept[:28], "n0,x,1,0,0", "n1,x,1,0,0"]) + "\n"
    found = many(repository, new)
    assert found.data[0] == "the test set differs: 2 images in, 3 out; what follows is of the 27 images that both have"
    assert (found.images, found.outcome) == (27, "better")


def test_images_with_another_truth_are_left_out(repository):
    found = many(repository, MANY_NEW.replace("i3,x,53,5,27", "i3,x,53,5,28"))
    assert found.data[0].startswith("the truth of 1 image differs; ")
    assert found.images == 29


def test_too_little_in_common_is_no_verdict(repository):
    """14 of 30 images are shared."""
    rows = MANY_NEW.splitlines()
    found = many(repository, "\n".join([*rows[:15], *(row.replace("i", "n", 1) for row in rows[15:])]) + "\n")
    assert found.outcome == "no verdict"
    assert "they share 47 % of the larger test set, expected at least 50 %" in found.verdict
    assert {one.verdict for one in found.figures} == {None}
    assert {one.figure.verdict for one in found.sources} == {None}


def test_nothing_in_common_is_no_verdict(repository):
    found = many(
        repository, MANY_NEW.replace("i", "n").replace("stem,source,tp,fp,fn".replace("i", "n"), "stem,source,tp,fp,fn")
    )
    assert found.outcome == "no verdict"
    assert "no image is in both with the same truth" in found.verdict


def test_other_raw_data_is_said(repository):
    lock = (repository.root / "dvc.lock").read_text()
    raw = "  download:\n    cmd: x\n    outs:\n    - path: data/raw\n      md5: {}.dir\n      nfiles: {}\n"
    repository.write("dvc.lock", lock + raw.format("0" * 32, 8))
    repository.commit("eight")
    repository.write("dvc.lock", lock + raw.format("1" * 32, 10))
    assert compared(repository, "HEAD", None).data == ("the raw data differs: 8 files before, 10 after",)


def test_nothing_changed(repository):
    found = compared(repository, "better", "better")
    assert (found.params, found.figures, found.gained, found.lost) == ((), (), (), ())
    assert found.outcome == "not told apart"


def test_another_protocol_is_a_caveat(repository):
    repository.figures(0.8182, tolerance_px=2)
    repository.commit("two pixels")
    repository.figures(0.8182, tolerance_px=4)
    assert "tolerance px was 2, is 4: the figures can't be compared" in compared(repository, "HEAD", None).caveats


def test_a_seed_alone_is_said(repository):
    for seed in (0, 1):
        repository.write("params.yaml", f"train: {{seed: {seed}}}\n")
        repository.commit(f"seed {seed}")
    assert compared(repository, "HEAD~1", "HEAD").caveats == (
        "only train.seed differs: this is by how much a seed alone changes the figures",
    )


def test_a_rebuild_that_nobody_committed_is_named(repository):
    assert compared(repository, "main", None).caveats == ()
    repository.write("made/per_image.csv", OLD)
    repository.run_stages()
    [caveat] = compared(repository, "main", None).caveats
    assert "dvc.lock as committed is not of these figures" in caveat
    # a comparison of two commits is none of the rebuild's business
    assert compared(repository).caveats == ()


def test_the_gates_figure_decides_unless_another_is_asked_for(repository):
    assert deciding({"gate": {"metric": "positives_iou"}}) == "positives_iou"
    assert deciding({"gate": {"metric": "none"}}) == deciding({}) == "pooled_iou"
    assert deciding({"gate": {"metric": "positives_iou"}}, "pooled_f1") == "pooled_f1"
    with pytest.raises(DataError, match="received the figure iou, expected one of pooled_iou, "):
        deciding({}, "iou")
    # (1/2 + 1/4 + 1/2) / 3, then (1 + 1/2 + 1) / 3
    assert "mean IoU, images with cracks 0.417 -> 0.833" in compared(repository, metric="positives_iou").verdict


def test_tolerant_f1_is_compared_where_both_have_it(repository):
    def with_it(text, values):
        head, *rows = text.splitlines()
        return "\n".join([f"{head},tolerant_f1", *(f"{row},{value}" for row, value in zip(rows, values, strict=True))])

    repository.write("made/per_image.csv", with_it(OLD, [0.5, 0.5, "", 0.5]))
    repository.run_stages()
    repository.commit("with it")
    assert "tolerant_f1" not in [one.name for one in compared(repository, "better", "HEAD").figures]
    # the order of NEW is d, a, b, c
    repository.write("reports/per_image.csv", with_it(NEW, [0.75, 1, 0.5, ""]))
    found = {one.name: one for one in compared(repository, "HEAD", None).figures}["tolerant_f1"]
    assert (found.old, found.new) == (0.5, 0.75)


def test_without_a_split_images_count_as_independent(repository):
    for name in ("main", "better"):
        repository.git("checkout", "-q", name)
        graph = (repository.root / "dvc.yaml").read_text()
        repository.write("dvc.yaml", graph[: graph.index("  split:")] + graph[graph.index("  evaluate:") :])
        (repository.root / "data/split.csv").unlink(missing_ok=True)
        repository.commit("no split")
    found = compared(repository)
    assert found.groups == 4
    assert "each taken as independent" in found.verdict


def test_images_that_no_cache_holds_leave_the_figures(repository):
    repository.empty_cache()
    found = compared(repository)
    assert found.outcome == "no verdict"
    commit = repository.git("rev-parse", "main")[:10]
    assert found.verdict == (
        f"no verdict: no comparison image by image: reports/per_image.csv of {commit} is in no work tree, cache or "
        "remote at hand; `dvc fetch --all-commits reports/per_image.csv` gets it from a remote that has it, "
        f"`crackflow rebuild --revision {commit}` makes it anew"
    )
    assert found.figures == (Figure("crack_pooled_iou", "pooled IoU", 0.4324, 0.8182),)


def test_images_that_are_not_checked_out_come_from_the_cache(repository):
    """`dvc repro --pull --allow-missing` leaves the outputs of unchanged stages where they are."""
    shutil.rmtree(repository.root / "reports")
    assert compared(repository, "main", None).images == 4
    assert not (repository.root / "reports").exists()


def test_images_come_from_the_remote(repository, tmp_path):
    store = tmp_path / "store"
    repository.write(".dvc/config.local", f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n")
    with Repo() as repo:
        repo.push(all_branches=True)
    repository.empty_cache()
    assert compared(repository).images == 4


def test_a_base_without_figures_makes_every_figure_new(repository):
    repository.git("switch", "-q", "-c", "bare", "main")
    repository.git("rm", "-q", "-r", "metrics", "params.yaml", "dvc.yaml", "dvc.lock")
    base = repository.commit("nothing yet")
    found = compared(repository, base)
    assert found.caveats == (f"{base[:10]} holds no figures, so every figure is new",)
    assert (found.figures[0].old, found.figures[0].new, found.figures[0].change) == (None, 0.8182, None)


def test_a_folder_that_score_wrote(repository, tmp_path):
    out = tmp_path / "scored"
    out.mkdir()
    for name, text in (("per_image.csv", NEW), ("evaluation.json", json.dumps({"crack": {}}))):
        (out / name).write_text(text)
    found = compared(repository, "main", str(out))
    assert (found.images, found.groups, found.params) == (4, 3, ())
    assert found.new == str(out)
