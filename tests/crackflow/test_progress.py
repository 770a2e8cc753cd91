from crackflow.progress import bar, track


def test_track_hands_on_every_item_and_counts(capsys):
    assert list(track("abc", "reading", unit="letter")) == ["a", "b", "c"]
    shown = capsys.readouterr().err
    assert "reading" in shown
    assert "3/3" in shown


def test_a_bar_starts_where_an_earlier_run_stopped(capsys):
    with bar("train", total=5, initial=3, unit="step") as progress:
        progress.update(2)
    assert "5/5" in capsys.readouterr().err
