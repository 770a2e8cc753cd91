"""Made photographs with cracks of known figures."""

import numpy as np
import pytest

from crackflow.geometry.cracks import Crack, CrackNetwork, WidthSummary
from crackflow.geometry.scale import Scale
from crackflow.results.record import key, record
from crackflow.results.run import Run, Skipped


def made_crack(number, path, width, **fields):
    """A crack along one branch, everywhere `width` px wide but at its widest place, which is 1 px wider."""
    path = np.array(path, np.int32)
    along = WidthSummary(mean=width, median=width, p95=width + 0.5, max=width + 1)
    values = {
        "length_px": 10.0 * number,
        "mask_width_px": along,
        "optical_width_px": None,
        "width_kind": "mask",
        "widest_at": (int(path[0, 0]), int(path[0, 1])),
        "branches": 1,
        "ends": 2,
        "junctions": 0,
        "orientation_deg": 0.0,
        "box": (0, 0, 4, 1),
        "area_px": 4,
        "tortuosity": 1.25,
        "confidence": 0.75,
        "width_class": "fine",
    } | fields
    return Crack(number=number, path=(path,), width_px=values["optical_width_px"] or along, **values)


@pytest.fixture
def mask():
    """A ring of 3x3 px with a hole, joined by a gap to a bar; a lone pixel that is no crack; 12x8 px."""
    found = np.zeros((8, 12), np.uint8)
    found[1:4, 1:4] = 1
    found[2, 2] = 0
    found[1, 5:8] = 1
    found[6, 10] = 1
    return found


@pytest.fixture
def network(mask):
    path = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1)]
    crack = made_crack(1, path, 1.0, length_px=6.5, box=(1, 1, 7, 3), area_px=11, width_class="hairline")
    return CrackNetwork((crack,), 6.5, 6.5 / 96, 1, 0.25, (12, 8))


@pytest.fixture
def made_run(mask, network, tmp_path):
    """Give a run of the photographs of these names; all have the same mask. mm_per_px is the scale of the first."""

    def make(*photos, mm_per_px=None, skipped=(), networks=None, paths=None):
        records, masks = [], {}
        for number, photo in enumerate(photos):
            scale = None if mm_per_px is None or number else Scale(mm_per_px, "as given")
            name = photo.rpartition(".")[0]
            found = (networks or {}).get(photo, network)
            masks[name] = mask if found.cracks else np.zeros_like(mask)
            records.append(record(key("0" * 64, {}), photo, name, masks[name], found, scale))
        return Run(
            about={"version": "1.2.3", "model": "the model", "operating_point": "crack above 0.5"},
            classes=("crack",),
            read=lambda: records,
            mask=lambda found: masks[found.name],
            thumbnail=lambda found: b"jpeg",
            photo_path=lambda found: (paths or {}).get(found.photo),
            folder=tmp_path / "out",
            photographs=len(photos),
            skipped=tuple(Skipped(*one) for one in skipped),
        )

    return make


@pytest.fixture
def empty():
    return CrackNetwork((), 0.0, 0.0, 0, 0.0, (12, 8))
