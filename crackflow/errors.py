"""The one family of errors that crackflow raises on purpose.

`CrackflowError` covers everything that a user can fix. The stage runner and the command line turn it into one line on
stderr and exit code 2. Any other exception is a defect and keeps its traceback.
"""


class CrackflowError(Exception):
    """Something that a user can fix.

    The message is one line that says what was received, what was expected, and what to do.
    """

    exit_code = 2


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


def one_line(error: Exception) -> str:
    """An error's message in one line; the error's class where it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
