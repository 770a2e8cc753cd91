import pytest

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


def test_bytes_are_written_with_their_rate_and_also_without_a_total(capsys):
    with bar("fetch", total=3_000_000, initial=1_000_000, unit="B", scaled=True) as progress:
        progress.update(500_000)
    shown = capsys.readouterr().err
    assert "1.50M/3.00M" in shown
    assert "B/s" in shown
    with bar("fetch", total=None, unit="B", scaled=True) as progress:
        progress.update(2_000)
    assert "2.00kB" in capsys.readouterr().err


@pytest.mark.parametrize("even", [True, False])
def test_an_even_bar_reckons_with_its_pauses(even):
    """A step of 100 s and five of 16 s: 6 in 180 s, so the other 4 take 120 s."""
    progress = bar("train", total=10, unit="step", even=even)
    start = progress.start_t
    for seconds in (100, 116, 132, 148, 164, 180):
        progress._time = lambda now=start + seconds: now
        progress.update()
    assert ("<02:00" in str(progress)) == even
    progress.close()
