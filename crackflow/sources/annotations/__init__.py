"""Labels that people drew as polygons, read as masks: COCO, Labelme, and CVAT for images."""
