import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from crackflow.parallel.kept import Kept, content_key


def test_a_value_comes_back_as_it_was_kept(tmp_path):
    kept = Kept(tmp_path / "state")
    assert kept.get("ab12") is None
    kept.put("ab12", [0.1 + 0.2, None, {"a": "é"}])
    assert kept.get("ab12") == [0.30000000000000004, None, {"a": "é"}]


def test_many_workers_keep_the_same_content_at_once(tmp_path):
    kept = Kept(tmp_path / "state")
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(kept.put, f"ab{number % 3}", [number % 3] * 200) for number in range(3000)]:
            done.result()
    assert [kept.get(f"ab{number}") for number in range(3)] == [[number] * 200 for number in range(3)]
    assert len([*tmp_path.rglob("*.*")]) == 3


def test_what_is_not_wanted_any_more_goes(tmp_path):
    kept, other = Kept(tmp_path / "new"), Kept(tmp_path / "old")
    for key in ("aa", "bb"):
        kept.put(key, 1)
        other.put(key, 1)
    (tmp_path / "new/aa/.aa.1234.part").write_text("[")
    kept.keep_only({"aa"})
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "new/aa/aa.json"
    ]


def test_the_key_is_of_the_content_alone(tmp_path):
    for name, text in {"a": "one", "b": "two", "c": "one"}.items():
        (tmp_path / name).write_text(text)
    one, two = (hashlib.sha256(text.encode()).digest() for text in ("one", "two"))
    assert content_key(tmp_path / "a", tmp_path / "b") == hashlib.sha256(one + two).hexdigest()[:40]
    assert content_key(tmp_path / "a", tmp_path / "b") == content_key(tmp_path / "c", tmp_path / "b")
    assert content_key(tmp_path / "b", tmp_path / "a") != content_key(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileNotFoundError):
        content_key(tmp_path / "none")
