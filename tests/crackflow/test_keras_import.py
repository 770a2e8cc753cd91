import subprocess
import sys


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
