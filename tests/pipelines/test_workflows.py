""".github/workflows: what they may do, that what they call exists, and the pull request's steps, run."""

import contextlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.cli import parse_args

from pipelines.cli import app
from pipelines.comparing.shown import MARKER

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PULL_REQUEST = ROOT / ".github/workflows/pull-request.yml"


def read(path):
    return yaml.safe_load(path.read_text())


def steps_of(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def scripts_of(path):
    return [step["run"] for step in steps_of(path) if "run" in step]


def step_called(name):
    [found] = [step for step in steps_of(PULL_REQUEST) if step.get("name") == name]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_beside_its_version(path):
    """A tag can be moved to other code; the version in the comment is what tools that update pins read."""
    used = re.findall(r"^\s*- uses: (.*)$", path.read_text(), re.MULTILINE)
    assert len(used) == sum("uses" in step for step in steps_of(path)) > 0
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name) for name in used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_checkout_leaves_its_token_in_the_repository(path):
    checkouts = [step for step in steps_of(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_the_steps_call_exists(path):
    """Make's targets, our modules and commands, DVC's commands and their options."""
    script = "\n".join(scripts_of(path)).replace("\\\n", " ")
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    ours = {command.name or command.callback.__name__ for command in app.registered_commands}
    asked = set(re.findall(r"^\s*make (\S+)", script, re.MULTILINE))
    assert asked <= targets
    modules = re.findall(r"python -m (\S+)", script)
    assert all(importlib.util.find_spec(name) for name in modules)
    commands = re.findall(r"^\s*crackflow (\S+)", script, re.MULTILINE)
    assert set(commands) <= ours
    called = [shlex.split(line) for line in re.findall(r"^\s*(?:if )?dvc ([^;\n]+)", script, re.MULTILINE)]
    for arguments in called:
        # ends the interpreter where DVC knows no such command or option
        parse_args([word for word in arguments if word != "$FLAGS"])
    assert asked | {*modules, *commands} | {words[0] for words in called}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_text_of_a_pull_request_becomes_part_of_a_script(path):
    texts = [*scripts_of(path), *(step["with"].get("script", "") for step in steps_of(path) if "with" in step)]
    assert all("${{" not in text for text in texts)


def test_what_runs_the_pull_requests_code_may_only_read():
    workflow = read(PULL_REQUEST)
    # YAML 1.1 takes the key `on` for true
    assert workflow[True] == {"pull_request": None}
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"]
    assert jobs["figures"]["permissions"] == {"contents": "read"}
    assert jobs["comment"]["permissions"] == {"pull-requests": "write"}
    assert not any("run" in step or "checkout" in step["uses"] for step in jobs["comment"]["steps"])
    assert "secrets." not in json.dumps(jobs["comment"])
    assert all("timeout-minutes" in job for job in jobs.values())


class Runner:
    """Runs steps of the workflow as a runner does, in a clone of a tiny project."""

    def __init__(self, root, temp):
        self.root, self.temp = root, temp
        temp.mkdir()
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DVC_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), self.env["PATH"]])
        self.env |= {"PATH": path, "HOME": str(temp), "RUNNER_TEMP": str(temp), "AWS_EC2_METADATA_DISABLED": "true"}
        # as GitHub sets what a repository has not
        self.env |= dict.fromkeys(
            ("DVC_REMOTE", "DVC_REMOTE_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ""
        )
        self.env |= {"GITHUB_OUTPUT": str(temp / "output"), "GITHUB_STEP_SUMMARY": str(temp / "summary")}

    def step(self, name, **environment):
        # a runner's own way to call bash
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step_called(name)["run"]]
        done = subprocess.run(
            command, cwd=self.root, env={**self.env, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def outputs(self):
        lines = (self.temp / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def ran(self):
        return sorted(path.stem for path in (self.root / ".crackflow/ran").glob("*.json"))


def git(root, *arguments):
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def runner(built, tmp_path):
    """What a runner checks out: the merge of a commit that changes the split's seed, and a figure, into main."""
    root = built.root
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    (root / ".gitignore").write_text("/*.txt\n/.crackflow/\n/.dvc/config.local\n/.dvc/tmp\n/.dvc/cache\n")
    figures = root / "metrics/evaluation.json"
    figures.parent.mkdir()
    figures.write_text('{"crack": {"pooled": {"iou": 0.5}}}')
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "main")
    git(root, "switch", "-q", "-c", "change")
    built.set_seed(7)
    figures.write_text('{"crack": {"pooled": {"iou": 0.75}}}')
    git(root, "commit", "-q", "-am", "change")
    git(root, "switch", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "change")
    git(root, "clone", "-q", str(root), str(tmp_path / "clone"))
    return Runner(tmp_path / "clone", tmp_path / "runner")


def finish(runner):
    found = runner.outputs()
    runner.step("Rebuild what the pull request changes", FLAGS=found.get("flags", ""))
    runner.step("Write the comment", COMMIT="0123456789", NOTE=found.get("note", ""))
    text = (runner.temp / "comment.md").read_text()
    assert (runner.temp / "summary").read_text() == text
    assert text.startswith(MARKER)
    assert "\n> **Caveat:** Of 0123456789, merged into its base and rebuilt.\n" in text
    assert "| `split.seed` | `0` | `7` |" in text
    assert "| pooled IoU | 0.500 | 0.750 | +0.250 | - | - |" in text
    return text


@pytest.mark.slow
def test_with_a_remote_only_what_changed_is_run(runner, built, tmp_path):
    store = str(tmp_path / "store")
    with contextlib.chdir(built.root):
        git(built.root, "checkout", "-q", "HEAD^1")
        subprocess.run([sys.executable, "-m", "dvc", "remote", "add", "-q", "--local", "-d", "s", store], check=True)
        subprocess.run([sys.executable, "-m", "dvc", "push", "-q"], check=True)
    runner.step("Look for the remote cache", DVC_REMOTE=store)
    text = finish(runner)
    assert runner.ran() == ["report", "split"]
    assert "No remote cache" not in text


@pytest.mark.slow
def test_without_a_remote_everything_is_run_and_the_comment_says_so(runner):
    runner.step("Look for the remote cache")
    text = finish(runner)
    assert runner.ran() == ["download", "report", "split", "statistics"]
    assert "\n> **Caveat:** No remote cache could be reached, so every stage ran." in text


@pytest.mark.slow
def test_a_remote_without_credentials_is_none(runner):
    runner.step(
        "Look for the remote cache", DVC_REMOTE="s3://photos/crackflow", DVC_REMOTE_ENDPOINT="http://127.0.0.1:9"
    )
    assert set(runner.outputs()) == {"note"}


# Calls the workflow's own script with a stand-in for GitHub that writes down what it is asked.
NODE = """
const comments = JSON.parse(process.argv[2]), asked = []
const note = name => async what => { asked.push([name, what]) }
const issues = { listComments: 'list', updateComment: note('update'), createComment: note('create') }
const github = { rest: { issues }, paginate: async () => comments }
const context = { repo: { owner: 'o', repo: 'r' }, issue: { number: 3 } }
const AsyncFunction = Object.getPrototypeOf(async function () {}).constructor
const run = new AsyncFunction('github', 'context', 'require', process.argv[1])
run(github, context, require).then(() => console.log(JSON.stringify(asked)))
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_there_is_one_comment_however_often_it_is_written(tmp_path):
    body = f"{MARKER}\n\ntext\n"
    (tmp_path / "comment.md").write_text(body)
    [script] = [step["with"]["script"] for step in steps_of(PULL_REQUEST) if "script" in step.get("with", {})]

    def asked(*comments):
        command = ["node", "-e", NODE, script, json.dumps(comments)]
        return json.loads(subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout)

    others = [
        {"id": 1, "user": {"type": "User"}, "body": f"{MARKER}\nquoted by somebody"},
        {"id": 2, "user": {"type": "Bot"}, "body": f"of another workflow\n{MARKER}"},
        {"id": 3, "user": None, "body": None},
    ]
    place = {"owner": "o", "repo": "r"}
    assert asked(*others) == [["create", {**place, "issue_number": 3, "body": body}]]
    ours = {"id": 4, "user": {"type": "Bot"}, "body": f"{MARKER}\nold"}
    assert asked(*others, ours) == [["update", {**place, "comment_id": 4, "body": body}]]

    # an empty marker is where every comment begins
    (tmp_path / "comment.md").write_text("\n\ntext\n")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        asked(*others, ours)
    assert "the comment begins with no marker" in failed.value.stderr
    assert failed.value.stdout == ""
