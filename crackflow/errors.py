"""The one family of errors that crackflow raises on purpose.

Whoever catches `CrackflowError` has caught everything a user can mend. The stage runner and the command line turn it
into one line on stderr and exit code 2; any other exception is a defect and keeps its traceback.
"""


class CrackflowError(Exception):
    """Something a user can mend.

    The message is one line that says what was received, what was expected, and what to do.
    """

    exit_code = 2


class ParamsError(CrackflowError):
    """params.yaml or a profile holds a key or a value that no run can use."""


class DataError(CrackflowError):
    """A folder, an archive or a set of pairs can't be used."""


class UnreachableError(DataError):
    """A server does not answer, or not to the end; what came is kept, and a later run goes on.

    Its exit code is sysexits.h's EX_TEMPFAIL, by which a run knows that it may try again.
    """

    exit_code = 75


class ImageError(DataError):
    """One image or mask can't be used; among many it is set aside with this reason."""


class ModelError(CrackflowError):
    """A model file is missing, or does not fit the parameters or the photographs."""


class TrainingError(CrackflowError):
    """Training can't go on, for instance because the loss is not finite."""


def one_line(error: Exception) -> str:
    """An error's message in one line, its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
