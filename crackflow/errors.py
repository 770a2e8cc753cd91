"""The one family of errors that crackflow raises on purpose.

`CrackflowError` covers everything that a user can fix. The stage runner and the command line turn it into one line on
stderr and exit code 2. Any other exception is a defect and keeps its traceback.
"""

import errno

from crackflow.safe_text import printable

# StsNoMem of OpenCV
_NO_MEMORY = -4
_EXHAUSTED = {"tensorflow.ResourceExhaustedError"}
# Characters of a message; what is longer quotes a file at length, and its beginning and end say what is wrong.
LONGEST = 1000
_KEPT = 480


class CrackflowError(Exception):
    """Something that a user can fix.

    The message is one line that says what was received, what was expected, and what to do. It may quote what a file
    holds: characters that can't be printed become U+FFFD, and more than LONGEST are cut in the middle.
    """

    exit_code = 2

    def __str__(self) -> str:
        """The message."""
        said = printable(super().__str__())
        return said if len(said) <= LONGEST else f"{said[:_KEPT]} ... {said[-_KEPT:]}"


class ParamsError(CrackflowError):
    """params.yaml or a profile holds a key or a value that no run can use."""


class DataError(CrackflowError):
    """A folder, an archive or a set of pairs can't be used."""


class UnreachableError(DataError):
    """A server does not answer, or broke off. What arrived is kept, and a later run goes on from there.

    Its exit code is EX_TEMPFAIL of sysexits.h. It tells a run that another try may succeed.
    """

    exit_code = 75


class ImageError(DataError):
    """One image or mask can't be used; among many it is rejected with this reason."""


class ModelError(CrackflowError):
    """A model file is missing, or does not fit the parameters or the photographs."""


class TrainingError(CrackflowError):
    """Training can't go on, for instance because the loss is not finite."""


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory, or the room for another thread, ran out: the fault of no file.

    OpenCV's and TensorFlow's errors are told by their names, since importing TensorFlow takes seconds.
    """
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if isinstance(error, RuntimeError) and (
        # the others are OpenVINO's, which hands on what C++ says
        str(error) == "can't start new thread" or "std::bad_alloc" in str(error) or "Failed to allocate" in str(error)
    ):
        return True
    name = f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
    return (name == "cv2.error" and getattr(error, "code", None) == _NO_MEMORY) or name in _EXHAUSTED


def shortage_line(error: BaseException) -> str:
    """Say in one line that memory ran out, and what to do."""
    said = next(iter(str(error).strip().splitlines()), "")[:120]
    return (
        f"not enough memory{f' ({said})' if said else ''}; free some, raise the limit (ulimit -v, a container's), or "
        "use smaller photographs or batches, and run again"
    )


def one_line(error: Exception) -> str:
    """An error's message in one line; the error's class where it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
