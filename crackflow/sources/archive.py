"""Unpack a zip that someone else made, without trusting it.

A dangerous archive is rejected as a whole: a member that would be written outside the target, a link, a device, a zip
bomb. Harmless files that can't be used are left out, each with a reason: files that are not images, and names that some
operating systems can't store or can't tell apart.
"""

import lzma
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from crackflow.errors import DataError
from crackflow.params import ArchiveParams
from crackflow.progress import track
from crackflow.rejections import Rejection
from crackflow.sources.layouts import is_image, portable_key

# What zipfile raises on damage: a wrong checksum, a stream that ends early, an unknown compression method, a password,
# names that are not text.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_CHUNK = 2**20
# Blank pictures compress a thousandfold. Up to this size they are not taken for a zip bomb.
_HARMLESS_BYTES = 16 * 2**20
_MAX_MEMBERS = 1_000_000
# What Linux, macOS and Windows all can store: bytes of one part of a path, and of the whole path.
_MAX_PART, _MAX_NAME = 255, 1024
# Names and characters that Windows reserves.
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*')
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def unpack(archive: Path, target: Path, limits: ArchiveParams) -> tuple[Rejection, ...]:
    """Unpack the images of a zip into a new folder: all of them, or nothing.

    Args:
        archive: the zip file.
        target: the folder to make; it must not exist. A killed process leaves `.NAME.*` beside it.
        limits: how much it may unpack to, in all and for each packed byte. Both are compared with the sizes that the
            archive declares before anything is written, and again with the bytes as they are unpacked.

    Returns:
        The files left out, in the archive's order.

    Raises:
        DataError: when the file is absent, damaged, encrypted, not a zip or without images; when it would unpack to
            more than `limits` or the disk allow; when a member is a link or a device or would be written outside
            `target`.
    """
    if not archive.is_file():
        raise DataError(f"{archive} is not a file; expected a zip of images/ and masks/: check data.path")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with zipfile.ZipFile(archive) as opened:
            members, left_out = _select(opened, archive)
            sizes = _SizeCheck(archive, limits, shutil.disk_usage(part).free)
            if not members:
                raise DataError(f"{archive} holds {_no_images(left_out)}; expected images and masks: pack it again")
            sizes.check_declared(member for member, _ in members)
            for member, path in track(members, f"unpack {archive.name}", unit="file"):
                _write(opened, member, part / path, sizes)
        part.chmod(0o755)
        part.rename(target)
    except _DAMAGE as error:
        raise DataError(f"{archive} {_damage(archive, error)}") from None
    except OSError as error:
        raise DataError(f"{archive} can't be unpacked: {error.strerror or error}; make room or pack it again") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return left_out


class _SizeCheck:
    """Compares what is unpacked with the limits."""

    def __init__(self, archive: Path, limits: ArchiveParams, free: int) -> None:
        self.archive, self.limits, self.free = archive, limits, free
        self.packed = archive.stat().st_size
        self.total = 0

    def check_declared(self, members: Iterable[zipfile.ZipInfo]) -> None:
        """Compare the sizes that the archive declares with the limits, before anything is written."""
        total = 0
        for member in members:
            self._check_ratio(member.file_size, member.compress_size, repr(member.filename[:200]))
            total += member.file_size
        self._check_total(total)

    def add(self, size: int, so_far: int, member: zipfile.ZipInfo) -> None:
        """Count the bytes that were really unpacked, since the declared sizes may be false."""
        self.total += size
        self._check_ratio(so_far, member.compress_size, repr(member.filename[:200]))
        self._check_total(self.total)

    def _check_total(self, total: int) -> None:
        if total > self.limits.max_gib * 2**30:
            raise DataError(
                f"{self.archive} unpacks to {total / 2**30:,.3f} GiB or more, expected at most "
                f"{self.limits.max_gib:g}; raise data.archive.max_gib if that is intended"
            )
        if total > self.free:
            raise DataError(
                f"{self.archive} unpacks to {total / 2**30:,.3f} GiB or more, and the disk has room for "
                f"{self.free / 2**30:,.3f}; make room"
            )
        # members may share their packed bytes, so the total is compared with the size of the file
        self._check_ratio(total, self.packed, "all of it")

    def _check_ratio(self, size: int, packed: int, what: str) -> None:
        if size > max(_HARMLESS_BYTES, packed * self.limits.max_ratio):
            raise DataError(
                f"{self.archive} unpacks to {size / max(packed, 1):,.0f} times its packed size or more ({what}), "
                f"expected at most {self.limits.max_ratio:g}: it may be a zip bomb, unless its pictures are blank; "
                "unpack it yourself and set data.path to the folder, or raise data.archive.max_ratio"
            )


def _select(opened: zipfile.ZipFile, archive: Path) -> tuple[list[tuple[zipfile.ZipInfo, str]], tuple[Rejection, ...]]:
    """Return the members to unpack, each with its path in the target, and those left out.

    Raises:
        DataError: when one of them is dangerous.
    """
    members = opened.infolist()
    if len(members) > _MAX_MEMBERS:
        raise DataError(f"{archive} holds {len(members):,} files, expected at most {_MAX_MEMBERS:,}; split it")
    # some Windows packers write backslashes
    names = [member.filename.replace("\\", "/") for member in members]
    for member, name in zip(members, names, strict=True):
        _check_harmless(member, name, archive)
    files = [(member, name) for member, name in zip(members, names, strict=True) if not name.endswith("/")]
    reasons = [_why_not(name) for _, name in files]
    keys = [portable_key(str(PurePosixPath(name))) for _, name in files]
    times = Counter(key for key, reason in zip(keys, reasons, strict=True) if not reason)
    folders = {str(folder) for key in times for folder in PurePosixPath(key).parents}
    kept, left_out = [], []
    for (member, name), reason, key in zip(files, reasons, keys, strict=True):
        conflict = _conflict(times[key], key in folders)
        if reason or conflict:
            left_out.append(Rejection(name, reason or conflict))
        else:
            kept.append((member, str(PurePosixPath(name))))
    return kept, tuple(left_out)


def _conflict(times: int, is_folder: bool) -> str:
    if times > 1:
        return f"is one of {times} files whose names are the same or differ only in case or accents"
    return "is a file and a folder" if is_folder else ""


def _check_harmless(member: zipfile.ZipInfo, name: str, archive: Path) -> None:
    shown = repr(name[:200])
    if name.startswith("/") or PureWindowsPath(name).drive or ".." in PurePosixPath(name).parts:
        raise DataError(f"{archive} holds {shown}, which would be written outside the target folder; pack it again")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise DataError(f"{archive} holds the link {shown}; pack the files that it points to instead")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise DataError(f"{archive} holds {shown}, which is not a regular file; pack only images and masks")
    if member.flag_bits & 0x1:
        raise DataError(f"{archive} is encrypted; pack it again without a password")


def _why_not(name: str) -> str:
    """Say why a harmless member is left out; empty when it is kept."""
    path = PurePosixPath(name)
    if "__MACOSX" in path.parts or any(part.startswith(".") for part in path.parts):
        return "is a hidden or OS metadata file"
    if name.lower().endswith(ARCHIVES):
        return "is an archive inside the archive, which is not unpacked"
    if not is_image(path.name):
        return "is not an image file"
    for part in path.parts:
        if not part.isprintable() or _FORBIDDEN & set(part) or part[-1] in ". " or _RESERVED.fullmatch(part):
            return "has a name that Windows, macOS or Linux can't store; rename it"
    if max(len(part.encode()) for part in path.parts) > _MAX_PART or len(name.encode()) > _MAX_NAME:
        return f"has a name of more than {_MAX_PART} bytes, or {_MAX_NAME} with its folders; shorten it"
    return ""


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, sizes: _SizeCheck) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(member) as source, path.open("xb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            sizes.add(len(chunk), written, member)
            file.write(chunk)


def _no_images(left_out: Sequence[Rejection]) -> str:
    if not left_out:
        return "nothing"
    first = left_out[0]
    files = f"{len(left_out)} files were" if len(left_out) > 1 else "1 file was"
    return f"no image that can be used ({files} left out, the first: {first.name[:200]!r} {first.reason})"


def _damage(archive: Path, error: Exception) -> str:
    try:
        if not zipfile.is_zipfile(archive) and tarfile.is_tarfile(archive):
            return "is a tar archive, expected a zip or a folder; unpack it (tar -xf) and set data.path to the folder"
    except (OSError, EOFError):
        pass
    return f"is damaged or not a zip ({error}); download or pack it again"
