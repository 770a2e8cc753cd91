import subprocess
import sys

import pytest


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_keras_is_imported_without_a_word_and_stderr_works_again_afterwards():
    done = run(
        "from crackflow.keras_import import import_keras; import_keras(); import os, sys; "
        "print('keras' in sys.modules); os.write(2, b'said')"
    )
    assert done.stdout == "True\n"
    assert done.stderr == "said"


def test_a_failed_import_tells_what_was_said(tmp_path):
    (tmp_path / "keras.py").write_text("import os; os.write(2, b'the cause'); raise ImportError('no backend')")
    done = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from crackflow.keras_import import import_keras; "
        "import_keras()"
    )
    assert "the cause" in done.stderr
    assert "ImportError: no backend" in done.stderr


@pytest.mark.parametrize("backend", ["nosuch", "torch"])
def test_a_backend_that_is_not_installed_is_one_line(tmp_path, backend):
    # Keras's own words for either
    (tmp_path / "keras.py").write_text(
        "import os\n"
        "if os.environ['KERAS_BACKEND'] == 'torch': raise ModuleNotFoundError(\"No module named 'torch'\")\n"
        "raise ValueError('Unable to import backend : nosuch')"
    )
    done = run(
        f"import os, sys; sys.path.insert(0, {str(tmp_path)!r}); os.environ['KERAS_BACKEND'] = {backend!r}\n"
        "from crackflow.errors import CrackflowError; from crackflow.keras_import import import_keras\n"
        "try: import_keras()\nexcept CrackflowError as error: print(error)"
    )
    assert done.stdout.startswith(f"KERAS_BACKEND is {backend}, which can't be imported (")
    assert done.stdout.endswith("; unset it, or install it\n")
    assert done.stderr == ""


@pytest.mark.parametrize("then", ["pass", "raise ImportError('half')"])
def test_an_interrupt_that_the_import_catches_is_raised_at_its_end(tmp_path, then):
    """As TensorFlow does where it tries an import. Afterwards a second signal kills, as `interrupt_on` has it."""
    (tmp_path / "keras.py").write_text(
        f"import signal\ntry: signal.raise_signal(signal.SIGTERM)\nexcept BaseException: {then}\n"
    )
    done = run(
        f"""
import signal, sys
sys.path.insert(0, {str(tmp_path)!r})
from crackflow.keras_import import import_keras
from tasks.endings import interrupted_by_signals
try:
    with interrupted_by_signals():
        try:
            import_keras()
        finally:
            print(signal.getsignal(signal.SIGTERM).name)
except KeyboardInterrupt as stop:
    print(stop.args, signal.getsignal(signal.SIGTERM).name)
"""
    )
    assert done.stdout == "SIG_DFL\n(15,) SIG_DFL\n", done.stderr


def test_handlers_of_signals_stay_as_they_were(tmp_path):
    (tmp_path / "keras.py").touch()
    done = run(
        f"import signal, sys; sys.path.insert(0, {str(tmp_path)!r});"
        " from tasks.endings import interrupt_on; interrupt_on(signal.SIGTERM);"
        "both = signal.SIGTERM, signal.SIGINT; before = [signal.getsignal(one) for one in both];"
        "from crackflow.keras_import import import_keras; import_keras();"
        "print(before == [signal.getsignal(one) for one in both])"
    )
    assert done.stdout == "True\n", done.stderr
