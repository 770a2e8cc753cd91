from benchmarks.data import scale


def test_the_page_holds_the_figures_of_the_results_file():
    text = scale.PAGE.read_text(encoding="utf-8")
    assert scale.page(text) == text
