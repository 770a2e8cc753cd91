from pipelines import markdown


def test_a_table_has_a_rule_and_its_bars_are_escaped():
    assert markdown.table(("a", "b"), [("1|2", "x"), ("3", "")]) == "| a | b |\n| --- | --- |\n| 1\\|2 | x |\n| 3 |  |"


def test_a_value_is_code_whatever_is_in_it():
    assert markdown.code("['*']") == "`['*']`"
    assert markdown.code("a `b`") == "`` a `b` ``"
    # as many backticks as the longest run within, and one more
    assert markdown.code("``x``y") == "``` ``x``y ```"


def test_a_long_value_is_cut():
    shown = markdown.code("x" * 500)
    assert len(shown) == 102
    assert shown.endswith("x…`")


def test_words_of_strangers_are_one_line_without_markup_and_mention_nobody():
    shown = markdown.plain("a\n# <b>[x](y)` @team #1")
    assert shown == "a\ufffd\\# \\<b\\>\\[x\\](y)\\` @\u200bteam \\#1"
    assert "\n" not in markdown.code("a\nb")
