"""Import Keras without the lines that TensorFlow writes before it reads its log level."""

import os
import tempfile


def import_keras() -> None:
    """Import Keras and its backend, and show what they write to stderr only if the import fails.

    TensorFlow's C++ side reports oneDNN and absent GPUs on file descriptor 2, twice, whatever TF_CPP_MIN_LOG_LEVEL is;
    only a redirected descriptor keeps a stage's log to the stage's own lines.

    Raises:
        ImportError: as the import did; stderr then holds what was said.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            import keras  # noqa: F401 it is the import that is wanted
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
