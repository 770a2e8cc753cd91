"""Labels as COCO instances: one JSON file, one annotation a crack (cocodataset.org, "Data format").

Polygons and not run lengths, since CVAT, Roboflow and others read run lengths as crowds alone.
"""

import json
from typing import Any

from crackflow.results.outlines import Region, without_holes
from crackflow.results.run import Run, annotations, figures

FILE = "coco.json"


def coco(run: Run) -> bytes:
    """Give coco.json.

    `attributes` and `score` of an annotation are not part of COCO; readers pass over them.

    Args:
        run: its photographs in order get the numbers 1, 2, ...
    """
    categories = {name: number for number, name in enumerate(run.classes, 1)}
    images: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image, record in enumerate(run.read(), 1):
        width, height = record.size
        images.append({"id": image, "file_name": record.photo, "width": width, "height": height})
        for label, crack, regions in annotations(run, record):
            entry = {
                "id": len(found) + 1,
                "image_id": image,
                "category_id": categories.setdefault(label, len(categories) + 1),
                "segmentation": [without_holes(region).ravel().tolist() for region in regions],
                "area": sum(region.area_px for region in regions),
                "bbox": _box(regions),
                "iscrowd": 0,
            }
            if crack is not None:
                entry["attributes"] = figures(crack, record.mm_per_px)
                if crack.confidence is not None:
                    entry["score"] = round(crack.confidence, 4)
            found.append(entry)
    whole = {
        "info": {"description": "cracks found by crackflow, to be corrected", "version": run.about.get("version", "")},
        "licenses": [],
        "images": images,
        "annotations": found,
        "categories": [{"id": n, "name": name, "supercategory": ""} for name, n in categories.items()],
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _box(regions: list[Region]) -> list[int]:
    left = min(region.box[0] for region in regions)
    top = min(region.box[1] for region in regions)
    right = max(region.box[0] + region.box[2] for region in regions)
    bottom = max(region.box[1] + region.box[3] for region in regions)
    return [left, top, right - left, bottom - top]
