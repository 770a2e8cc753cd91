"""Unpack a zip that someone else made, without trusting it."""

import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from crackflow.errors import DataError
from crackflow.progress import track

# The largest public crack sets take a few gigabytes; what claims more than this is a mistake or a bomb.
MAX_BYTES = 64 * 2**30


def unpack(archive: Path, target: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a zip into a new folder, all of it or nothing.

    Args:
        archive: the zip file.
        target: the folder to make; it must not exist. What a kill leaves behind lies beside it, as `.NAME.*`.
        max_bytes: the largest size of everything unpacked.

    Raises:
        DataError: when the file is absent, damaged, encrypted or no zip, when it would unpack to more than `max_bytes`
            or than the disk has room for, or when a member is a link or would land outside `target`.
    """
    if not archive.is_file():
        raise DataError(f"{archive} is no file; expected a zip of images/ and masks/: check data.path")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive, min(max_bytes, shutil.disk_usage(part).free))
            for member in track(members, f"unpack {archive.name}", unit="file"):
                opened.extract(member, part)
        part.chmod(0o755)
        part.rename(target)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive} is damaged or no zip ({error}); download or pack it again") from None
    except OSError as error:
        raise DataError(f"{archive} can't be unpacked: {error}; make room or pack it again") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _checked(opened: zipfile.ZipFile, archive: Path, max_bytes: int) -> list[zipfile.ZipInfo]:
    """The members to unpack, once all of them are known to be harmless."""
    members = []
    for member in opened.infolist():
        # some Windows packers write backslashes, which are no separators here
        member.filename = member.filename.replace("\\", "/")
        path = PurePosixPath(member.filename)
        if path.is_absolute() or PureWindowsPath(member.filename).drive or ".." in path.parts:
            raise DataError(f"{archive} holds {member.filename!r}, which lies outside the folder; pack it again")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{archive} holds the link {member.filename!r}; pack the files that it points to instead")
        if member.flag_bits & 0x1:
            raise DataError(f"{archive} is encrypted; pack it again without a password")
        if "__MACOSX" not in path.parts:
            members.append(member)
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise DataError(
            f"{archive} unpacks to {total / 2**20:,.1f} MiB, expected at most {max_bytes / 2**20:,.1f} MiB "
            "(the room on this disk, or the limit for an archive); unpack it yourself and set data.path to the folder"
        )
    return members
