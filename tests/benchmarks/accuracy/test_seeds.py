from benchmarks.accuracy.seeds import _over, judged, table

SPLIT = "stem,group\n" + "".join(f"i{n},g{n}\n" for n in range(20))


def training(root, name, more):
    """A folder as a training leaves it: `more` pixels of each crack are found."""
    folder = root / name
    for part in ("reports", "data", "metrics"):
        (folder / part).mkdir(parents=True)
    rows = "".join(f"i{n},x,{30 + n + more},5,{40 - n - more}\n" for n in range(20))
    (folder / "reports/per_image.csv").write_text(f"stem,source,tp,fp,fn\n{rows}")
    (folder / "data/split.csv").write_text(SPLIT)
    (folder / "metrics/evaluation.json").write_text('{"crack": {"pooled": {"iou": 0.5}}}')
    return folder


def test_neighbours_are_judged_with_and_without_what_seeds_do(tmp_path):
    """Pooled IoU (790 + 20 more) / 1500 by hand: 0.527, 0.567, 0.540."""
    folders = [training(tmp_path, f"seed{number}", more) for number, more in enumerate((0, 3, 1))]
    found = judged(folders)
    assert [pair["outcome"] for pair in found["pairs"]] == ["not told apart", "not told apart"]
    assert [pair["outcome_by_photographs_alone"] for pair in found["pairs"]] == ["better", "worse"]
    assert [pair["new"] for pair in found["pairs"]] == [0.5667, 0.54]
    assert found["spread_of_seeds"] == 0.0204
    assert table(found).splitlines()[2].startswith("| 2 | 2 | 0 | 0.544 | 0.020 |")


def test_parameters_are_replaced_where_they_are_named():
    assert _over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}) == {"a": {"b": 5, "c": 2}, "d": 3}
