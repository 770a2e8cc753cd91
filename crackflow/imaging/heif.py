"""HEIC photographs of telephones, by pillow-heif, which the extra `heic` brings."""

from pathlib import Path

from crackflow.errors import ImageError

EXTENSIONS = (".heic", ".heif")
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")


def is_heif(path: Path) -> bool:
    """Whether a file begins as HEIC does, whatever its name ends in."""
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


def teach_pillow(name: str) -> None:
    """Let Pillow read HEIC from now on.

    Args:
        name: of the photograph that needs it.

    Raises:
        ImageError: when pillow-heif is not installed.
    """
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise ImageError(
            f"{name} is a HEIC photograph; install crackflow with its extra heic: pip install 'crackflow[heic]', "
            "or save it as a JPEG"
        ) from None
    pillow_heif.register_heif_opener()
