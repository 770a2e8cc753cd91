import shutil

import pytest
from dvc.repo import Repo


@pytest.fixture(scope="session")
def _under_dvc(tmp_path_factory, under_git):
    root = tmp_path_factory.mktemp("repository") / "empty"
    root.mkdir()
    under_git(root)
    Repo.init(str(root)).close()
    return root


@pytest.fixture
def repository(_under_dvc, tmp_path):
    """A folder under git and DVC, without a commit."""
    return shutil.copytree(_under_dvc, tmp_path / "checkout")
