import numpy as np
import pytest

from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs


@pytest.fixture
def pairs(tmp_path):
    """Ten pairs of 32 px: noise with a dark vertical line where the mask has class 1; p9 is crack-free."""
    rng = np.random.default_rng(0)
    stems = [f"p{i}" for i in range(10)]
    for i, stem in enumerate(stems):
        image = rng.integers(120, 200, (32, 32, 3)).astype(np.uint8)
        mask = np.zeros((32, 32), np.uint8)
        if i < 9:
            mask[:, 3 * i + 1 : 3 * i + 3] = 1
        image[mask == 1] = 20
        write_png(tmp_path / "images" / f"{stem}.png", image)
        write_png(tmp_path / "masks" / f"{stem}.png", encode_classes(mask, 2))
    return ResizedPairs(tmp_path, 2), stems
