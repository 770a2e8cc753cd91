from scripts import parameters


def test_the_reference_page_is_that_of_the_code():
    assert parameters.PAGE.read_text(encoding="utf-8") == parameters.page(), "run `make params`"


def test_a_key_has_its_default_and_description():
    assert "| evaluate.tolerance_px | `2` | ≥ 0 | px; a pixel at most this far from truth is right" in parameters.page()


def test_a_key_has_what_else_it_may_be():
    page = parameters.page()
    assert "| train.optimizer | `muon` | adam, adamw, muon, sgd |" in page
    assert "| data.max_rejected | `0.05` | ≥ 0, ≤ 1 |" in page
    assert "| train.learning_rate | `0.005` | > 0 |" in page
