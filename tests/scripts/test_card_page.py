from crackflow.inference import packaged_weights
from crackflow.inference.card import card_values
from scripts import card_page


def test_the_page_holds_the_figures_of_the_card():
    text = (packaged_weights.FOLDER / packaged_weights.PAGE).read_text(encoding="utf-8")
    assert card_page.page(text, card_values(packaged_weights.FOLDER)) == text


def test_the_network_is_named_as_the_parameters_name_it():
    card = card_values(packaged_weights.FOLDER)
    card["params"]["model"] = {"architecture": "pretrained_unet"}
    assert "| network | pretrained_unet, " in card_page.facts(card, "0.5")


def test_both_ways_to_predict_stand_beside_each_other():
    way = {"pooled": {"iou": 0.5, "f1": 0.6667}, "positives": {"iou": 0.45}, "false_alarms": {"images": None}}
    text = card_page.flips({"plain": way, "averaged": {**way, "false_alarms": {"images": 0.25}}})
    assert text.splitlines()[2:] == [
        "| a photograph seen once | 0.500 | 0.667 | 0.450 | - |",
        "| the mean over four flips | 0.500 | 0.667 | 0.450 | 0.250 |",
    ]
    assert "Not compared" in card_page.flips(None)
