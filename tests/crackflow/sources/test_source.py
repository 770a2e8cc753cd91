import pytest

from crackflow.params import DataParams
from crackflow.sources.source import DataSource, Fetched, Origin


def test_a_source_must_fetch_and_name_its_origin(tmp_path):
    class Silent(DataSource):
        def fetch(self, work):
            return Fetched(work)

    with pytest.raises(TypeError, match="origin"):
        Silent(DataParams(), tmp_path)


def test_what_a_source_need_not_say(tmp_path):
    class Least(DataSource):
        def fetch(self, work):
            return Fetched(work)

        def origin(self):
            return Origin("nowhere")

    source = Least(DataParams(), tmp_path)
    assert (source.local_path(), source.disk_bytes(), source.account()) == (None, 0, None)
    assert source.fetch(tmp_path).left_out == ()
    assert source.origin() == Origin("nowhere", None, None)
