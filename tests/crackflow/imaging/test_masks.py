"""Files are written with Pillow and tifffile, and not by the library that crackflow reads them with."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from crackflow.errors import ImageError
from crackflow.imaging.masks import CodeError, read_mask, read_pair

BLACK, RED, WHITE, GREEN, GREY = (0, 0, 0), (255, 0, 0), (255, 255, 255), (0, 255, 0), (128, 128, 128)
BINARY = (BLACK, WHITE)
# a crack of 4 of 16 pixels
CRACK = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], np.uint8)


def saved(path, array, mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(np.asarray(array))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def with_table(numbers, table, **palette):
    """A picture of numbers with a colour table."""
    image = Image.fromarray(np.asarray(numbers, np.uint8), "L").copy()
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([level for colour in table for level in colour])
    return image


def painted(colour, background=BLACK):
    """The crack in one colour on another: (4, 4, channels)."""
    return np.where(CRACK[..., None] == 1, np.array(colour, np.uint8), np.array(background, np.uint8))


def read(path, colours=BINARY):
    mask = read_mask(path, colours)
    assert mask.classes.dtype == np.uint8
    return mask.classes.tolist(), mask.kind, mask.faint_share


def test_black_and_white_split_above_127(tmp_path):
    levels = np.array([[0, 126, 127, 128, 129, 255]], np.uint8)
    # 126 and 127 are not black to the letter: 2 of 6 pixels
    expected = ([[0, 0, 0, 1, 1, 1]], "levels", 2 / 6)
    assert read(saved(tmp_path / "grey.png", levels)) == expected
    assert read(saved(tmp_path / "rgb.png", np.dstack([levels] * 3))) == expected


def test_a_jpeg_that_shows_something_and_no_crack_is_rejected(tmp_path):
    grey = np.zeros((32, 32), np.uint8)
    grey[:, 12:20] = 100
    with pytest.raises(ImageError, match=r"a\.jpg holds levels .* all read as background"):
        read_mask(saved(tmp_path / "a.jpg", grey), BINARY)
    # what JPEG does to black is no content
    assert not read_mask(saved(tmp_path / "b.jpg", np.full((32, 32), 3, np.uint8), quality=10), BINARY).classes.any()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_greys_are_sorted_out(tmp_path, mode):
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 13:] = 255
    mask[5:9] = 255
    path = saved(tmp_path / "a.jpg", mask, mode, quality=50)
    decoded = np.asarray(Image.open(path).convert("L"))
    assert len(np.unique(decoded)) > 4
    classes, kind, faint = read(path)
    assert classes == (mask // 255).tolist()
    assert kind == "levels"
    assert faint == pytest.approx(np.mean((decoded > 0) & (decoded < 128)), abs=0.01)
    assert faint > 0


def test_the_nearest_of_three_colours_wins(tmp_path):
    # squared distances of (200, 40, 30): black 42500, red 55^2 + 40^2 + 30^2 = 5525, white 99875
    # of (120, 30, 30): black 16200, red 135^2 + 900 + 900 = 20025; of (180, 150, 150): red 50625, white 27675
    pixels = np.array([[(200, 40, 30), (120, 30, 30), (180, 150, 150), BLACK]], np.uint8)
    found = read(saved(tmp_path / "a.png", pixels), (BLACK, RED, WHITE))
    assert found == ([[1, 0, 2, 0]], "colours", 0.25)


def test_the_nearest_of_three_greys_wins(tmp_path):
    # 64 is as near to 0 as to 128: the lower class; 191 is 63 from 128 and 64 from 255
    levels = np.array([[0, 64, 65, 128, 191, 192, 255]], np.uint8)
    assert read(saved(tmp_path / "a.png", levels), (BLACK, GREY, WHITE)) == ([[0, 0, 1, 1, 1, 2, 2]], "levels", 1 / 7)


def test_a_white_background_may_be_the_first_class(tmp_path):
    # 127 is 128 from white, and 127 from black
    levels = np.array([[0, 127, 128, 255]], np.uint8)
    assert read(saved(tmp_path / "a.png", levels), (WHITE, BLACK)) == ([[1, 1, 0, 0]], "levels", 0.25)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_class_numbers_are_read_as_such(tmp_path, suffix, mode):
    path = saved(tmp_path / f"a.{suffix}", CRACK, mode, **({"lossless": True} if suffix == "webp" else {}))
    assert read(path) == (CRACK.tolist(), "numbers", 0.0)
    assert read(
        saved(path, CRACK * 2, mode, **({"lossless": True} if suffix == "webp" else {})), (BLACK, RED, WHITE)
    ) == (
        (CRACK * 2).tolist(),
        "numbers",
        0.0,
    )


@pytest.mark.parametrize("options", [{"suffix": "jpg"}, {"suffix": "webp", "lossless": False}])
def test_a_level_of_one_that_compression_made_is_background(tmp_path, options):
    suffix = options.pop("suffix")
    classes, kind, faint = read(saved(tmp_path / f"a.{suffix}", np.full((8, 8), 3, np.uint8), **options))
    assert not np.any(classes)
    assert (kind, faint) == ("levels", 1.0)


def test_a_tiff_may_hold_a_jpeg(tmp_path):
    path = saved(tmp_path / "a.tif", np.full((8, 8), 1, np.uint8), compression="jpeg")
    assert read(path) == ([[0] * 8] * 8, "levels", 1.0)


def test_sixteen_bits_with_alpha(tmp_path):
    level, full = CRACK.astype(np.uint16) * 65535, np.full((4, 4), 65535, np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([level] * 3 + [full]), photometric="rgb", extrasamples=["unassalpha"]
    )
    assert read(tmp_path / "a.tif") == (CRACK.tolist(), "levels", 0.0)


def test_a_jpeg_is_known_by_its_content(tmp_path):
    saved(tmp_path / "a.jpg", np.ones((8, 8), np.uint8))
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert not np.any(read(tmp_path / "a.png")[0])


@pytest.mark.parametrize("colour", [RED, (128, 0, 0), (0, 0, 200), GREEN, WHITE, (130, 140, 150)])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp"])
def test_any_clear_colour_on_black_is_crack(tmp_path, colour, suffix):
    pixels = np.kron(painted(colour), np.ones((16, 16, 1), np.uint8))
    classes, kind, faint = read(
        saved(tmp_path / f"a.{suffix}", pixels, **({"subsampling": 0} if suffix == "jpg" else {}))
    )
    expected = np.kron(CRACK, np.ones((16, 16), np.uint8))
    # lossy files smear the edge: a pixel or two of 64 rows
    assert np.mean(np.array(classes) != expected) <= (0 if suffix in {"png", "bmp", "tif"} else 0.04)
    assert kind == ("levels" if colour == WHITE else "colours")
    assert faint <= (0 if suffix in {"png", "bmp", "tif"} else 0.4)


def test_a_colour_on_a_background_of_its_own(tmp_path):
    # green (0, 255, 0) background, red crack; brown (140, 120, 0) is 2 * 13 825 from red's side and more than 127 off
    path = saved(tmp_path / "a.png", painted((140, 120, 0), GREEN))
    assert read(path, (GREEN, RED)) == (CRACK.tolist(), "colours", 0.0)


@pytest.mark.parametrize(
    ("pixels", "named"),
    [
        (
            CRACK * 38,
            "levels 0, 38, all read as background; expected the colours under `classes` or the numbers 0 to 1",
        ),
        (painted((60, 0, 0)), r"colours \[0, 0, 0\], \[60, 0, 0\], all read as background"),
        (np.arange(16, dtype=np.uint8).reshape(4, 4), r"levels 0, 1, 2, 3, 4, \.\.\., all read as background"),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_what_would_vanish_is_rejected(tmp_path, pixels, named, suffix):
    with pytest.raises(ImageError, match=rf"a\.{suffix} holds {named}"):
        read_mask(saved(tmp_path / f"a.{suffix}", pixels), BINARY)


def test_faint_levels_beside_a_crack_are_counted(tmp_path):
    levels = CRACK * 255
    levels[0, :2] = 100
    assert read(saved(tmp_path / "a.png", levels)) == (CRACK.tolist(), "levels", 2 / 16)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg"])
def test_an_empty_mask_is_empty(tmp_path, suffix):
    assert read(saved(tmp_path / f"a.{suffix}", np.zeros((8, 8), np.uint8))) == ([[0] * 8] * 8, "levels", 0.0)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
@pytest.mark.parametrize(
    ("numbers", "table"),
    [
        (CRACK, [BLACK, (128, 0, 0)]),  # Pascal VOC's colours
        (CRACK, [BLACK, WHITE]),
        (1 - CRACK, [WHITE, BLACK]),
        (CRACK, [(30, 30, 30), (60, 20, 90)]),  # as dark as it likes: the number tells
        (CRACK, [(12, 200, 40), (77, 180, 250)]),  # both clear colours: the number tells
        (CRACK * 9, [BLACK] * 9 + [RED]),
        (CRACK * 255, [(level, level, level) for level in range(256)]),
    ],
)
def test_colour_tables(tmp_path, suffix, numbers, table):
    classes, kind, faint = read(saved(tmp_path / f"a.{suffix}", with_table(numbers, table)))
    assert (classes, faint) == (CRACK.tolist(), 0.0)
    # a table of greys may be written as the grey picture that it is
    assert kind == "palette" or table[0] == table[-1][:0] or all(len(set(colour)) == 1 for colour in table)


def test_a_table_of_three_classes(tmp_path):
    numbers = np.array([[0, 1, 2, 1]], np.uint8)
    voc = with_table(numbers, [BLACK, (128, 0, 0), (0, 128, 0)])
    assert read(saved(tmp_path / "a.png", voc), (BLACK, GREY, WHITE)) == (numbers.tolist(), "palette", 0.0)
    # red, white and black in an order of their own: the colours tell
    mixed = with_table(numbers, [RED, WHITE, BLACK])
    assert read(saved(tmp_path / "b.png", mixed), (BLACK, RED, WHITE))[0] == [[1, 2, 0, 2]]


def test_a_table_of_many_greys_is_a_grey_picture(tmp_path):
    numbers = np.array([[0, 3, 7, 8]], np.uint8)
    table = [(30 * i, 30 * i, 30 * i) for i in range(9)]  # levels 0, 90, 210, 240
    assert read(saved(tmp_path / "a.png", with_table(numbers, table))) == ([[0, 0, 1, 1]], "palette", 0.25)


def test_a_table_that_means_nothing_is_rejected(tmp_path):
    numbers = CRACK.copy()
    numbers[3] = 255
    table = [BLACK, (128, 0, 0), *[BLACK] * 253, (224, 224, 192)]  # VOC's border
    with pytest.raises(ImageError, match=r"holds the numbers 0, 1, 255 of a colour table, \[0, 0, 0\], \[128, 0, 0\]"):
        read_mask(saved(tmp_path / "a.png", with_table(numbers, table)), BINARY)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_what_is_transparent_is_background(tmp_path, suffix):
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    alpha = CRACK[..., None] * 255
    white_paper = np.concatenate([painted(RED, WHITE), alpha], axis=-1)
    assert read(saved(tmp_path / f"a.{suffix}", white_paper, **options)) == (CRACK.tolist(), "colours", 0.0)
    opaque = np.concatenate([painted(WHITE), np.full_like(alpha, 255)], axis=-1)
    assert read(saved(tmp_path / f"a.{suffix}", opaque, **options)) == (CRACK.tolist(), "levels", 0.0)
    # alpha that is the same all over says nothing
    assert read(saved(tmp_path / f"b.{suffix}", np.concatenate([painted(WHITE), alpha * 0], axis=-1), **options))[
        0
    ] == (CRACK.tolist())
    # a black pen on transparent ground, and black paper with a hole
    black = np.concatenate([painted(BLACK), alpha], axis=-1)
    assert read(saved(tmp_path / f"a.{suffix}", black, **options))[0] == CRACK.tolist()
    black[..., 3] = 255 - black[..., 3]
    with pytest.raises(ImageError, match="what it shows is in its transparency alone"):
        read_mask(saved(tmp_path / f"a.{suffix}", black, **options), BINARY)


def test_grey_with_alpha(tmp_path):
    grey_alpha = np.dstack([np.full((4, 4), 255, np.uint8), CRACK * 255])
    assert read(saved(tmp_path / "a.png", grey_alpha))[0] == CRACK.tolist()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("level", "kind"), [(65535, "levels"), (255, "levels"), (4095, "levels"), (1, "numbers")])
def test_sixteen_bits(tmp_path, suffix, level, kind):
    pixels = CRACK.astype(np.uint16) * level
    if suffix == "tif":
        tifffile.imwrite(tmp_path / "a.tif", pixels)
    else:
        saved(tmp_path / "a.png", pixels)
    assert read(tmp_path / f"a.{suffix}") == (CRACK.tolist(), kind, 0.0)


@pytest.mark.parametrize(
    ("suffix", "options"), [("png", {}), ("bmp", {}), ("tif", {}), ("tif", {"compression": "group4"})]
)
def test_one_bit(tmp_path, suffix, options):
    assert read(saved(tmp_path / f"a.{suffix}", CRACK * 255, "1", **options)) == (CRACK.tolist(), "levels", 0.0)


def test_floats_are_rejected(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", CRACK.astype(np.float32))
    with pytest.raises(ImageError, match=r"a\.tif holds float32 samples, expected 8 or 16 bits"):
        read_mask(tmp_path / "a.tif", BINARY)


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def landscape():
    """A photograph 6 wide and 4 high with a level of its own for each pixel, and a mask of its top left pixel."""
    image = np.dstack([np.arange(24, dtype=np.uint8).reshape(4, 6) * 10] * 3)
    mask = np.zeros((4, 6), np.uint8)
    mask[0, 0] = 255
    return image, mask


def test_a_pair_as_it_is(tmp_path):
    image, mask = landscape()
    found, read_back = read_pair(saved(tmp_path / "a.png", image), saved(tmp_path / "m.png", mask), BINARY)
    np.testing.assert_array_equal(found, image)
    np.testing.assert_array_equal(read_back.classes, mask // 255)


def test_a_mask_drawn_on_the_photograph_as_shown(tmp_path):
    image, mask = landscape()
    # 6: shown turned by 90 degrees clockwise, so its top left pixel comes to the top right
    path = saved(tmp_path / "a.png", image, exif=oriented(6))
    found, read_back = read_pair(path, saved(tmp_path / "m.png", np.rot90(mask, -1).copy()), BINARY)
    assert found.shape == (6, 4, 3)
    assert (found[0, 3, 0], read_back.classes[0, 3]) == (0, 1)
    assert (found[0, 0, 0], found[5, 3, 0]) == (180, 50)


def test_a_mask_drawn_on_the_photograph_as_stored(tmp_path):
    image, mask = landscape()
    for suffix in ("png", "webp"):
        path = saved(tmp_path / f"a.{suffix}", image, exif=oriented(6), lossless=True)
        found, read_back = read_pair(path, saved(tmp_path / "m.png", mask), BINARY)
        np.testing.assert_array_equal(found, image)
        np.testing.assert_array_equal(read_back.classes, mask // 255)


def test_both_turned_by_exif(tmp_path):
    image, mask = landscape()
    path = saved(tmp_path / "a.png", image, exif=oriented(6))
    found, read_back = read_pair(path, saved(tmp_path / "m.png", mask, exif=oriented(6)), BINARY)
    assert found.shape[:2] == read_back.classes.shape == (6, 4)
    assert read_back.classes[0, 3] == 1
    table = with_table(mask // 255, [BLACK, RED])
    assert read_pair(path, saved(tmp_path / "p.png", table, exif=oriented(6)), BINARY)[1].classes[0, 3] == 1


@pytest.mark.parametrize("shape", [(6, 4), (4, 7)])
def test_sizes_that_differ_are_rejected(tmp_path, shape):
    image, _ = landscape()
    path = saved(tmp_path / "a.png", image)
    message = rf"image 6x4, mask {shape[1]}x{shape[0]}; expected one size"
    with pytest.raises(ImageError, match=message):
        read_pair(path, saved(tmp_path / "m.png", np.zeros(shape, np.uint8)), BINARY)


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    colours=st.lists(COLOUR, min_size=1, max_size=4).map(lambda some: [*some, BLACK]),
    mode=st.sampled_from(["L", "RGB", "P", "1", "RGBA"]),
    classes=st.sampled_from([BINARY, (BLACK, RED), (BLACK, RED, GREEN), (BLACK, GREY, WHITE)]),
    suffix=st.sampled_from(["png", "bmp", "tif"]),
    seed=st.integers(0, 9),
)
def test_nothing_saved_without_loss_vanishes_unsaid(tmp_path, colours, mode, classes, suffix, seed):
    pixels = np.array(colours, np.uint8)[np.random.default_rng(seed).integers(0, len(colours), (6, 5))]
    image = Image.fromarray(pixels)
    image = image.quantize(len(colours)) if mode == "P" else image.convert(mode)
    image.save(tmp_path / f"a.{suffix}")
    shown = np.asarray(image.convert("RGB"))
    try:
        mask = read_mask(tmp_path / f"a.{suffix}", classes)
    except ImageError:
        assert shown.any()
        return
    assert mask.classes.shape == (6, 5)
    assert mask.classes.max() < len(classes)
    assert 0 <= mask.faint_share < 1
    if mask.kind != "palette":  # a table may give the background any colour
        assert mask.classes.any() == shown.any()
        assert not mask.classes[(shown == 0).all(axis=-1)].any()


def test_a_number_beyond_its_colour_table_is_none(tmp_path):
    path = saved(tmp_path / "a.png", with_table(CRACK * 5, [BLACK] * 5 + [RED]))
    data = path.read_bytes()
    place = data.index(b"PLTE")
    short = b"PLTE" + bytes(6)
    body = struct.pack(">I", 6) + short + struct.pack(">I", zlib.crc32(short))
    path.write_bytes(data[: place - 4] + body + data[place + 8 + struct.unpack(">I", data[place - 4 : place])[0] :])
    with pytest.raises(ImageError, match=r"a\.png holds number 5 beyond its colour table's 2 entries"):
        read_mask(path, BINARY)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(), mode=st.sampled_from(["L", "P", "RGBA", "1"]), suffix=st.sampled_from(["png", "tif", "bmp", "webp"])
)
def test_whatever_the_bytes_a_mask_is_read_or_rejected(tmp_path, data, mode, suffix):
    path = saved(tmp_path / f"a.{suffix}", CRACK * 255, "RGBA" if mode == "P" and suffix == "webp" else mode)
    broken = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(broken)
    try:
        mask = read_mask(path, BINARY)
    except ImageError:
        return
    assert mask.classes.ndim == 2
    assert mask.classes.max() < 2


def test_a_truncated_mask_is_rejected(tmp_path):
    buffer = io.BytesIO()
    with_table(np.random.default_rng(0).integers(0, 2, (64, 64)), [BLACK, RED]).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(ImageError, match=r"a\.png is truncated or not an image"):
        read_mask(tmp_path / "a.png", BINARY)


def test_transparency_is_where_pillows_conversion_to_rgba_has_it(tmp_path):
    table = Image.fromarray(CRACK, "P")
    table.putpalette([255, 255, 255, 0, 0, 0])
    drawn = painted(RED, WHITE)
    half = np.concatenate([drawn, CRACK[..., None] * 127], axis=-1)
    for image, options in (
        # a colour table whose white is transparent, a colour that stands for transparency, a drawing at half strength
        (table, {"transparency": 0}),
        (Image.fromarray(drawn), {"transparency": WHITE}),
        (Image.fromarray(np.where(CRACK, 0, 255).astype(np.uint8)), {"transparency": 255}),
        (Image.fromarray(half), {}),
    ):
        image.save(tmp_path / "a.png", **options)
        drawn_at = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))[..., 3] > 0
        assert (read_mask(tmp_path / "a.png", BINARY).classes == drawn_at).all()
        assert (drawn_at == CRACK).all()


def test_a_table_of_three_classes_with_a_transparent_ground_is_read_by_its_numbers(tmp_path):
    classes = np.array([[0, 1], [2, 0]], np.uint8)
    image = Image.fromarray(classes, "P")
    # as Pascal VOC colours the numbers, which are not the colours of the classes
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "a.png", transparency=0)
    three = ((0, 0, 0), (0, 0, 255), (255, 255, 0))
    assert read_mask(tmp_path / "a.png", three).classes.tolist() == classes.tolist()


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
@pytest.mark.parametrize("code", [255, 254, 65535])
def test_a_code_beside_class_numbers_is_never_read_as_a_class(tmp_path, suffix, code):
    pixels = CRACK.astype(np.uint16)
    pixels[3, 3] = code
    if code < 256:
        pixels = pixels.astype(np.uint8)
    elif suffix == "bmp":
        pytest.skip("no 16 bits")
    saved(tmp_path / f"a.{suffix}", pixels)
    with pytest.raises(CodeError, match=rf"holds the class numbers 0, 1 and {code} beside them"):
        read_mask(tmp_path / f"a.{suffix}", BINARY)


def test_smoothed_edges_and_plain_black_and_white_are_no_codes(tmp_path):
    smoothed = np.array([[0, 1, 90, 200, 254, 255]], np.uint8)
    assert read(saved(tmp_path / "a.png", smoothed))[0] == [[0, 0, 0, 1, 1, 1]]
    assert read(saved(tmp_path / "a.png", CRACK * 255))[:2] == (CRACK.tolist(), "levels")
    assert read(saved(tmp_path / "a.png", CRACK))[:2] == (CRACK.tolist(), "numbers")
