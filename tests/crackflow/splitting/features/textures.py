"""Pavement made of noise, of which a copy or a crop is cut by a known map."""

import cv2
import numpy as np

SIDE = 128


def pavement(seed, side=SIDE):
    """Grey levels (side, side): coarse and fine noise."""
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    level = sum(weight * cv2.GaussianBlur(noise, (0, 0), weight) for weight in (1, 2, 4))
    return cv2.normalize(level, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def moved(grey, degrees=0.0, zoom=1.0, shear=0.0):
    """The picture rotated counter-clockwise about its middle, sheared along x by so many degrees, and zoomed."""
    turn, middle = np.radians(degrees), (grey.shape[0] - 1) / 2
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    linear = zoom * rotation @ np.array([[1, np.tan(np.radians(shear))], [0, 1]])
    affine = np.column_stack([linear, middle - linear @ [middle, middle]])
    return cv2.warpAffine(grey, affine, grey.shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
