"""pipelines/flows/limits.py, on a real repository; test_deployment.py and test_serve.py have runs that are rejected."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cloudpickle
import pytest

from crackflow.errors import CrackflowError
from crackflow.inference import inputs
from pipelines.flows import limits as module
from pipelines.flows.limits import LimitError, Limits
from pipelines.flows.rebuild import rebuild
from pipelines.git import git


@pytest.fixture
def repository(tmp_path, under_git):
    """Branch main with two commits, checked out; evil with one more beside them."""
    under_git(tmp_path)

    def commit(message):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", message)

    commit("first")
    git(tmp_path, "checkout", "--quiet", "-b", "evil")
    commit("evil")
    git(tmp_path, "checkout", "--quiet", "main")
    commit("second")
    return tmp_path


def ask(root, revision, branches=("HEAD",), commit=False, push=False, **allowed):
    return module.permitted(root, Limits(branches=branches, **allowed), revision, commit=commit, push=push)


@pytest.mark.parametrize("revision", ["HEAD", "main", "HEAD~1"])
def test_what_is_checked_out_and_its_past_may_be_built(repository, revision):
    assert ask(repository, revision) == git(repository, "rev-parse", revision)
    # by its number too
    assert ask(repository, git(repository, "rev-parse", revision)) == git(repository, "rev-parse", revision)


def test_the_checkout_itself_may_be_built(repository):
    assert ask(repository, None, branches=()) is None


def test_another_branch_may_be_built_only_where_it_is_named(repository):
    message = r"^revision evil is not allowed .*; expected a commit of HEAD; to allow it, add --branch NAME to `crack"
    with pytest.raises(LimitError, match=message):
        ask(repository, "evil")
    with pytest.raises(LimitError, match="revision evil is not allowed"):
        ask(repository, "evil", branches=("HEAD", "main", "no-such-branch"))
    assert ask(repository, "evil", branches=("evil",)) == git(repository, "rev-parse", "evil")
    with pytest.raises(LimitError, match="expected a commit of evil"):
        ask(repository, "HEAD", branches=("evil",))
    with pytest.raises(LimitError, match="expected a commit of no branch"):
        ask(repository, "HEAD", branches=())


def test_a_tag_with_the_name_of_an_allowed_branch_allows_nothing(repository):
    git(repository, "branch", "release", "main")
    git(repository, "tag", "release", "evil")
    with pytest.raises(LimitError):
        ask(repository, "evil", branches=("release",))
    with pytest.raises(LimitError):
        ask(repository, "refs/tags/release", branches=("release",))


def test_a_fetched_branch_can_be_allowed(repository):
    git(repository, "update-ref", "refs/remotes/origin/feature", "evil")
    assert ask(repository, "evil", branches=("origin/feature",)) == git(repository, "rev-parse", "evil")


@pytest.mark.parametrize("what", ["commit", "push"])
def test_commit_and_push_only_where_they_are_allowed(repository, what):
    message = f"^{what}: true is not allowed .* add --{what} to `crackflow serve`, or set definitions.limits.{what}: "
    with pytest.raises(LimitError, match=message):
        ask(repository, "HEAD", **{what: True})
    allowed = Limits(**{what: True})
    asked = {"commit": False, "push": False, what: True}
    assert module.permitted(repository, allowed, "HEAD", **asked) == git(repository, "rev-parse", "HEAD")


def test_they_are_read_from_the_checkout_whatever_the_environment_says(tmp_path, monkeypatch):
    assert module.read(tmp_path) == Limits()
    path = tmp_path / "prefect.yaml"
    path.write_text("name: crackflow\n")
    assert module.read(tmp_path) == Limits()
    path.write_text("definitions: {limits: {branches: [main], push: true}}")
    assert module.read(tmp_path) == Limits(branches=("main",), push=True)
    # a worker puts a run's job variables into the environment; an earlier version took the limits from there
    monkeypatch.setenv("CRACKFLOW_LIMITS", Limits(commit=True).model_dump_json())
    assert module.read(tmp_path) == Limits(branches=("main",), push=True)


def test_a_served_flow_takes_its_limits_along_to_the_process_of_a_run(tmp_path):
    """As Prefect's runner hands it over: by cloudpickle, to a new Python."""
    code = (
        "import sys, cloudpickle\n"
        "from pathlib import Path\n"
        "from pipelines.flows.limits import of_flow\n"
        "print(of_flow(cloudpickle.loads(sys.stdin.buffer.read()), Path.cwd()).model_dump_json())\n"
    )
    served = rebuild.with_options()
    module.serve_with(served, Limits(branches=("HEAD", "other"), commit=True))
    for flow, expected in ((served, Limits(branches=("HEAD", "other"), commit=True)), (rebuild, Limits())):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            input=cloudpickle.dumps(flow),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=True,
            capture_output=True,
        )
        assert Limits.model_validate_json(done.stdout.splitlines()[-1]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "definitions: {limits: {branch: [main]}}",
        "definitions: {limits: {branches: main}}",
        "definitions: {limits: {push: 'yes'}}",
        "definitions: {limits: {push: 1}}",
        "definitions: {limits: null}",
        "definitions: {limits: {branches: [2026-01-01]}}",
        "definitions: [",
        "\x00",
    ],
    ids=str,
)
def test_limits_that_can_not_be_read_allow_nothing(tmp_path, text):
    (tmp_path / "prefect.yaml").write_text(text)
    with pytest.raises(LimitError, match=r"prefect\.yaml: definitions\.limits can't be read .*; correct it$") as error:
        module.read(tmp_path)
    assert "\n" not in str(error.value)


PLACES = Limits(photographs=("in", "/srv/photographs"), results=("out",))


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A checkout with photographs in in/deck, and links that lead out of it; a zip and a photograph elsewhere."""
    for folder in ("checkout/in/deck", "checkout/out", "elsewhere/more"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("checkout/in/deck/a.png", "elsewhere/secret.png", "elsewhere/more/secret.png"):
        (tmp_path / name).touch()
    with zipfile.ZipFile(tmp_path / "elsewhere/secret.zip", "w") as packed:
        packed.writestr("secret.png", b"")
    for link in ("in/link", "in/deck/down", "in/[a]", "in/\n", "out/link"):
        (tmp_path / "checkout" / link).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "checkout/in/[b].zip").symlink_to(tmp_path / "elsewhere/secret.zip")
    (tmp_path / "checkout/in/round").symlink_to("round")
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "checkout"


def read(places, tmp_path, *photographs, **options):
    """The names of the photographs that a run with these limits reads."""
    permit = module.readable(places, PLACES)
    found = inputs.find(photographs, work=tmp_path / "work", permit=permit, recursive=True, **options)
    return [photo.shown for photo in found.photos]


@pytest.mark.parametrize("text", ["in", "in/deck/a.png", "in/../in", "in/d*/*.png", "in/deck/?.png", "in/d*/[a].png"])
def test_photographs_may_be_read_where_it_is_allowed(places, tmp_path, text):
    assert [name.rpartition("/")[2] for name in read(places, tmp_path, text)] == ["a.png"]


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "in/..",
        "in/../../elsewhere",
        "in/link",
        "in/link/secret.png",
        "in/link/secret.zip",
        "in/deck/down/../secret.zip",
        "IN/../../elsewhere",
        "*/a.png",
        "/etc",
        "/etc/pass*",
        "",
        # wildcards that are names of what is there
        "in/[a]",
        "in/[a]/secret.png",
        "in/[a]/secret.zip",
        "in/[a]/more/../secret.zip",
        "in/[b].zip",
        "in/\n/secret.zip",
        # whether anything fits tells what lies there
        "in/l*/*.png",
        "in/l*/absent*.png",
        "in/[[]a]/s*.zip",
        "in/d*/down/secret.p?g",
        "in/d*/down/absent.p?g",
        "in/**/absent.png",
        "in/**",
        "in/\n/*.png",
    ],
)
def test_photographs_are_not_read_elsewhere(places, tmp_path, text):
    with pytest.raises(LimitError, match=r"is not allowed .*; expected a path in in, /srv/photographs; to") as error:
        read(places, tmp_path, "in/deck", text)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("in/d*/../../../elsewhere/*", r"has \.\. after a wildcard"),
        ("in/[c].zip/../../../elsewhere/secret.zip", r"has \.\. after a wildcard"),
        ("in/\0", "can't be followed to a place"),
        ("in/round", "can't be followed to a place"),
        ("in/\0*", "no file fits"),
        ("-", "the list on standard input is empty"),
    ],
)
def test_what_leads_nowhere_is_one_line(places, tmp_path, text, words):
    with pytest.raises(CrackflowError, match=words) as error:
        read(places, tmp_path, text)
    assert "\n" not in str(error.value)


def test_each_path_of_a_list_is_judged(places, tmp_path):
    with pytest.raises(LimitError, match=r"in/\[a\]/secret.png is not allowed"):
        read(places, tmp_path, "-", listed=b"in/deck/a.png\nin/[a]/secret.png")


def test_a_link_among_the_photographs_that_leads_out_is_noticed(places, tmp_path):
    (places / "in/deck/b.png").symlink_to(tmp_path / "elsewhere/secret.png")
    for text in ("in/deck", "in", "in/deck/*.png"):
        with pytest.raises(LimitError, match=r"deck/b.png is not allowed"):
            read(places, tmp_path, text)


def test_what_a_zip_that_may_be_read_holds_needs_no_permission(places, tmp_path):
    with zipfile.ZipFile(places / "in/own.zip", "w") as packed:
        packed.writestr("b.png", b"")
    assert read(places, tmp_path, "in/own.zip") == ["b.png"]


@pytest.mark.parametrize("out", ["in", "outside", "out/..", "out/link", "/var/out"])
def test_results_are_not_written_elsewhere(places, out):
    with pytest.raises(
        LimitError, match=r"expected a path in out; to allow it, add its folder to definitions.limits.res"
    ):
        module.permitted_places(places, PLACES, out, "packaged")


def test_without_a_word_of_it_nothing_is_read(places):
    with pytest.raises(LimitError, match="expected a path in no folder"):
        inputs.find(["in"], permit=module.readable(places, Limits()))
    with pytest.raises(LimitError, match="expected a path in no folder"):
        module.permitted_places(places, Limits(), "out", "packaged")


def test_a_model_is_not_any_file(places):
    with pytest.raises(LimitError, match=r"model in/a.keras is not allowed .*; expected one of packaged, trained"):
        module.permitted_places(places, PLACES, "out", "in/a.keras")
