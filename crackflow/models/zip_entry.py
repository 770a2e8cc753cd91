"""Entries of a model file's zip that do not tell when, or on which system, they were written."""

from zipfile import ZipInfo

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_UNIX = 3  # zip's number for it; Python would write that of the system it runs on


def zip_entry(name: str) -> ZipInfo:
    """Make an entry with a fixed date and system: the same content gives the same bytes on every day and machine.

    Args:
        name: of the file in the zip.
    """
    entry = ZipInfo(name, DATE)
    entry.create_system = _UNIX
    return entry
