"""Keys that other programs read from an exported model."""

import json

from crackflow.inference.operating_point import OperatingPoint
from crackflow.params import Params
from crackflow.runtimes.metadata import for_deepness, of_model


def test_deepness_reads_every_key():
    """As src/deepness/processing/models/model_base.py of Deepness reads them: JSON, then str, int or float."""
    found = of_model(Params(), OperatingPoint(0.4766, 250.0, 0.9), "some", 512, channels_first=True, use=None)
    keys = for_deepness(found)
    assert str(json.loads(keys["model_type"])).capitalize() == "Segmentor"
    whole = {key: json.loads(keys[key]) for key in ("tile_size", "tiles_overlap", "seg_small_segment")}
    assert whole == {"tile_size": 512, "tiles_overlap": 25, "seg_small_segment": 0}
    assert {type(value) for value in whole.values()} == {int}
    assert float(json.loads(keys["seg_thresh"])) == 0.4766
    # it counts names from 0 without a gap, and takes one channel of output for two classes
    names = sorted(json.loads(keys["class_names"]).items(), key=lambda item: int(item[0]))
    assert names == [("0", "background"), ("1", "crack")]
    # what it does not know is left to its user
    assert "resolution" not in keys
