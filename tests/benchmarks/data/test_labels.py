from benchmarks.data import labels


def test_the_page_holds_the_figures_of_the_results_file():
    text = labels.PAGE.read_text(encoding="utf-8")
    assert labels.page(text) == text
