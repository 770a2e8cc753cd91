"""The one reader of resized pairs: a folder of images/STEM.png and masks/STEM.png, as stage resize writes it."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from crackflow.errors import ImageError
from crackflow.imaging.images import Pixels, decode, read_image, read_stored_mask

IMAGES, MASKS = "images", "masks"
KINDS = (IMAGES, MASKS)


@dataclass(frozen=True)
class ResizedPairs:
    """A folder of resized pairs. Files are read when asked for, so memory does not grow with their number.

    Attributes:
        root: the folder.
        num_classes: how many classes the masks' grey levels stand for, the background included.
        channels: of `image`: 3 for colour, 1 for grey.
    """

    root: Path
    num_classes: int
    channels: int = 3

    def path(self, kind: str, stem: str) -> Path:
        """Where the file of a pair lies; `kind` is one of `KINDS`."""
        return self.root / kind / f"{stem}.png"

    def image(self, stem: str) -> Pixels:
        """The image, uint8 (H, W, channels); RGB where it has 3.

        Raises:
            ImageError: when the file is absent, truncated or not an image.
        """
        try:
            image = read_image(self.path(IMAGES, stem))
        except ImageError as error:
            raise self._named(IMAGES, error) from None
        if self.channels == 3:
            return image
        # as the predictor turns a photograph grey for a model of one channel
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]

    def grey(self, stem: str) -> Pixels:
        """The image's grey levels as the decoder gives them, uint8 (H, W), whatever `channels` says; raises as `image`.

        They differ by up to one level from those of `image` with one channel.
        """
        try:
            return decode(self.path(IMAGES, stem), cv2.IMREAD_GRAYSCALE)
        except ImageError as error:
            raise self._named(IMAGES, error) from None

    def mask(self, stem: str) -> Pixels:
        """The mask, uint8 (H, W), 0 <= class < num_classes.

        Raises:
            ImageError: when the file is absent, truncated or not an image, or holds a level that is no class.
        """
        try:
            return read_stored_mask(self.path(MASKS, stem), self.num_classes)
        except ImageError as error:
            raise self._named(MASKS, error) from None

    def pair(self, stem: str) -> tuple[Pixels, Pixels]:
        """Image and mask, of one size.

        Raises:
            ImageError: as `image` and `mask`, and when the two differ in size.
        """
        image, mask = self.image(stem), self.mask(stem)
        if image.shape[:2] != mask.shape:
            sizes = " and ".join(
                f"{kind}/{stem}.png {side.shape[1]}x{side.shape[0]}"
                for kind, side in zip(KINDS, (image, mask), strict=True)
            )
            raise ImageError(f"the resized pair differs in size: {sizes} px; expected one size, so resize again")
        return image, mask

    def _named(self, kind: str, error: ImageError) -> ImageError:
        """The same error, saying which of the pair's two files it is; both have one name."""
        return ImageError(f"{self.root.name}/{kind}/{error}")
