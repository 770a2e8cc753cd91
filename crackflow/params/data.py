"""Parameters of the data stages: download, resize, split and statistics."""

import posixpath
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from crackflow.params.types import Block, Count, NamePatterns, Part, Place, Positive, Rate, Share


class SampleParams(Block):
    """The built-in sample: photographs of pavement and concrete made by code."""

    seed: int = Field(7, description="same seed, same photographs")
    images: Positive = Field(160, description="how many image/mask pairs")
    size: int = Field(448, ge=32, description="side of an image, px")


class KaggleParams(Block):
    """The public Kaggle set that the original experiment trained on."""

    handle: str = Field("lakshaymiddha/crack-segmentation-dataset", description="owner/name on Kaggle")
    version: Positive = Field(1, description="pinned, so that a later rebuild uses the same pairs")
    attempts: Positive = Field(6, description="tries without progress before a broken download is an error")


class ArchiveParams(Block):
    """Limits on what a zip may unpack to."""

    max_gib: Rate = Field(64.0, description="largest unpacked size in all, GiB")
    max_ratio: Rate = Field(
        100.0,
        description="largest ratio of unpacked to packed bytes; photographs have about 1, blank masks 1,000",
    )


class DataParams(Block):
    """Stage download: where the pairs come from."""

    source: Literal["sample", "folder", "kaggle"] = Field(
        "sample", description="sample: made by code; folder: data.path; kaggle: data.kaggle"
    )
    path: Place = Field(
        "data/source",
        description="for folder: a directory or zip with images/ and masks/, or a directory of several, watched by DVC",
    )
    include: tuple[str, ...] = Field(("*",), description="name patterns of the pairs to take")
    exclude: tuple[str, ...] = Field((), description="name patterns to leave out, for instance noncrack*")
    max_rejected: Share = Field(0.05, description="stop when more than this share of the pairs can't be used")
    sample: SampleParams = SampleParams()
    kaggle: KaggleParams = KaggleParams()
    archive: ArchiveParams = ArchiveParams()


class ResizeParams(Block):
    """Stage resize: every pair to one size, lossless."""

    size: Positive = Field(512, description="side of a resized image and mask, px")
    mode: Literal["stretch", "letterbox", "crop", "tile"] = Field(
        "stretch",
        description="stretch, as the original; letterbox keeps the aspect ratio and pads; crop keeps it and cuts; "
        "tile: long or large photographs are cut into near-squares, each a pair of its own",
    )


class SharesParams(Block):
    """Shares of the pairs by subset; they add to 1."""

    train: Part = 0.7
    valid: Part = 0.2
    test: Part = 0.1

    @model_validator(mode="after")
    def _adds_to_one(self) -> Self:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares add to {total:g}, expected 1; change one of train, valid, test")
        return self


class ForeignParams(Block):
    """Sources left out of training whole, to measure on places never seen. By name, as split.sources gives it."""

    valid: tuple[str, ...] = Field((), description="beside valid, help to choose epoch and operating point")
    test: tuple[str, ...] = Field((), description="beside test, are measured only")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = sorted(set(self.valid) & set(self.test))
        if twice:
            raise ValueError(f"{', '.join(twice)} is in valid and in test; keep it in one of them")
        return self


class SplitParams(Block):
    """Stage split: the subset of each pair."""

    protocol: Literal["grouped", "auto", "official", "random", "file"] = Field(
        "auto",
        description="auto: the train, valid and test folders that the pairs came in where those leak nothing, else "
        "grouped; grouped: by whole photographs; official: as given (leaky); "
        "random: as the original (leaky); file: as split.previous",
    )
    previous: Place = Field(
        "data/previous.csv", description="a CSV of stem and subset, watched by DVC; its pairs keep their subset"
    )
    seed: Count = Field(0, description="same seed and pairs, same split")
    shares: SharesParams = SharesParams()
    group_share: Part | Literal[1] = Field(
        0.25,
        description="largest share that one photograph's crops take of a source's pairs in valid or test, where its "
        "photographs allow it; 1 for no limit",
    )
    foreign: ForeignParams = ForeignParams()
    train_only: tuple[str, ...] = Field((), description="sources whose pairs all go to train")
    duplicate_distance: Count = Field(
        60, description="pairs whose 256-bit perceptual hashes differ in at most this many bits are near-duplicates"
    )
    local_features: bool = Field(
        True,
        description="find also copies that were turned, zoomed or sheared a little, and crops, by local features; "
        "false compares hashes alone",
    )
    mini_test: Positive = Field(24, description="how many test pairs infer shows, spread over the sources")
    parents: NamePatterns = Field(
        (
            # 049 of all three is one photograph, CFD_049
            r"(?:CFD|forest|Sylvie_Chambon)_(?P<CFD>\d+)(?:-\d+)?$",
            # GT and noGT of one number may be one photograph: joined as a precaution
            r"Sylvie_Chambon_Im_(?:no)?GT_(?P<Sylvie_Chambon>ESAR_\d+)",
            r"(?P<photo>CRACK500_[^_]+_[^_]+)",
            r"(?P<photo>Rissbilder_for_Florian_[^_]+)",
            r"(?P<photo>Volker_[^_]+)",
            r"(?P<photo>noncrack_(?:[^_]+_){3}[^_]+)",
            # 8980 and 8980a show one slab
            r"(?P<photo>Eugen_Muller_\d+)",
            r"(?P<photo>GAPS384_[^_]+_[^_]+)",
            # Roboflow: NAME_jpg.rf.HASH
            r"(?P<photo>.+)_(?:jpe?g|JPE?G|png|PNG|bmp|tiff?|webp)\.rf\.\w{6,}",
            # Augmentor: FOLDER_original_NAME.jpg_UUID
            r".+_original_(?P<photo>.+?)(?:\.\w{3,4})?_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            # frames of a video, as CVAT and Supervisely name them
            r"(?P<photo>.+?)(?:\.\w{3})?_frame_?\d+$",
            # copies that Albumentations, imgaug and scripts of one's own make
            r"(?i)(?P<photo>.*?\d.*?)(?:[_-](?:aug(?:ment\w*)?|[hv]*flip\w*|mirror\w*|rot(?:at\w*)?)[_-]?-?\d*)+$",
            r"(?i)(?P<photo>.*?\d.*?)(?:[_-](?:blur\w*|nois\w*|bright\w*|contrast|shear|zoom\w*|copy)[_-]?-?\d*)+$",
            # tiles: NAME_tile3_4, NAME-crop12, NAME_r03_c05, NAME_x128_y256
            r"(?i)(?P<photo>.*?\d.*?)[_-](?:tile|patch|crop|part)[_-]?\d+(?:[_x-]\d+){0,3}$",
            r"(?i)(?P<photo>.*?\d.*?)[_-](?:r|row|x|y)\d+[_-]?(?:c|col|x|y)\d+$",
            r"(?P<photo>DeepCrack_.+?)(?:-\d+)*$",
            r"(?P<photo>cracktree200_.+)",
            r"(?P<photo>[^_]+_.*\d.*)(?<!-\d+)-\d{1,2}$",
        ),
        description="regular expressions that say which pairs are crops of one photograph. The first that fits the "
        "start of a name is used. Pairs with the same text in its named group belong together; a group name other than "
        "photo is put before the text (forest_049 is CFD_049). The last one is for SOURCE_PHOTO-N, where PHOTO has a "
        "digit. Remove it where -1, -2 number different photographs",
    )
    sources: NamePatterns = Field(
        (
            r"(?P<source>CFD|forest|Sylvie_Chambon|CRACK500|DeepCrack|Rissbilder_for_Florian|Volker|noncrack)_",
            r"(?P<source>Eugen_Muller|GAPS384|cracktree200)_",
            r"(?P<source>[^\W\d_]{3,}\d{1,3}[^\W\d_]{3,})_",
        ),
        description="regular expressions for the source of a pair, used likewise. Where none fits, the source is what "
        "comes before the first underscore or digit, or photos",
    )

    @model_validator(mode="after")
    def _one_place_for_a_source(self) -> Self:
        both = sorted({*self.foreign.valid, *self.foreign.test} & set(self.train_only))
        if both:
            raise ValueError(f"{', '.join(both)} is in foreign and in train_only; keep it in one of them")
        return self

    @field_validator("previous")
    @classmethod
    def _is_no_output(cls, path: str) -> str:
        """DVC would see a cycle, or nothing to watch."""
        if not path.strip():
            raise ValueError("expected a file; data/previous.csv is the one that holds no pair")
        if posixpath.normpath(path.replace("\\", "/")) == "data/split.csv":
            raise ValueError(
                "data/split.csv is what this stage writes; copy it elsewhere, for instance to data/previous.csv, "
                "and name the copy"
            )
        return path


class StatisticsParams(Block):
    """Stage statistics: what the data looks like."""

    sheet_images: Positive = Field(24, description="how many train images a sample sheet shows")
    suspicious: Positive = Field(
        24, description="how many of the most suspicious labels are shown; suspicious.csv ranks all"
    )
