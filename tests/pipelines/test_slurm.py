"""docs/how-to/slurm.md: its configuration, and a worker whose sbatch starts it on this machine.

The commands sbatch and scancel of these tests are scripts. They show what is handed to SLURM, not what SLURM does.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import dask
import pytest
import yaml

from crackflow.errors import CrackflowError
from pipelines import slurm

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/slurm.md").read_text(encoding="utf-8")
CONFIGURATION = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
# a job is a process group, and its number the job's; the script is read before sbatch ends, since it is deleted then
SBATCH = """#!/bin/sh
cp "$1" "{folder}/handed-in"
setsid sh "{folder}/handed-in" > "{folder}/said" 2>&1 &
echo "Submitted batch job $!"
"""
# a worker whose scheduler has gone may have ended by itself
SCANCEL = '#!/bin/sh\necho "$1" >> "{folder}/cancelled"\nkill -TERM -- "-$1"\n'
# Two numbers on the workers that the environment names.
CLIENT = """
from pathlib import Path
from crackflow.parallel.engine import WorkerTimes, fan_out
from crackflow.params import ComputeParams
from tasks.engine import open_engine
from tasks.workspace import Workspace

times = WorkerTimes()
with open_engine(Workspace(Path.cwd()), ComputeParams(), "tasks.split") as engine:
    print(*fan_out(engine, abs, [-1, 2], times=times), len(times.rows()))
"""


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A folder with our sbatch and scancel, the first on PATH."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    (folder / "jobqueue.yaml").write_text(yaml.safe_dump(CONFIGURATION))
    monkeypatch.setenv("DASK_CONFIG", str(folder))
    # where dask-jobqueue, imported here, writes a file of its own if there is none
    monkeypatch.setattr(dask.config, "PATH", str(folder))
    return folder


def test_the_configuration_of_the_page_makes_a_job_of_one_worker_a_core(commands):
    from dask_jobqueue.slurm import SLURMJob

    known = dask.config.merge(dask.config.get("jobqueue"), CONFIGURATION["jobqueue"])
    # a key that the library does not know would be of no effect
    assert set(known["slurm"]) == set(dask.config.get("jobqueue.slurm"))
    with dask.config.set(jobqueue={**known, "slurm": {**known["slurm"], "log-directory": str(commands / "logs")}}):
        script = SLURMJob("tls://10.0.0.1:8786", name="one").job_script().splitlines()
    for line in ("-p normal", "-n 1", "--cpus-per-task=8", "--mem=15G", "-t 01:00:00"):
        assert f"#SBATCH {line}" in script
    assert "export DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE=False" in script
    worker = " ".join(script[-1].split())
    assert worker.startswith(f"{sys.executable} -m distributed.cli.dask_worker tls://10.0.0.1:8786 --name one")
    for words in ("--nthreads 1 ", "--nworkers 8 ", "--lifetime 55m --lifetime-stagger 4m", "--interface eth0"):
        assert words in worker


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SLURM runs on Linux alone")
def test_a_worker_that_sbatch_starts_does_the_work_and_ends_with_the_command(commands, tmp_path):
    here = {"CORES": "1", "PROCESSES": "1", "MEMORY": "1GB", "INTERFACE": "lo"}
    environment = {**os.environ, **{f"DASK_JOBQUEUE__SLURM__{name}": value for name, value in here.items()}}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "pipelines.slurm", "--jobs", "1"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as held:
        try:
            lines = []
            while not (lines and lines[-1].endswith("&& dvc repro\n")):
                lines.append(held.stdout.readline())
                assert lines[-1], (lines, held.wait(), (commands / "said").read_text())
            (folder,) = {*(tmp_path / ".crackflow").glob("slurm-*")} - {tmp_path / ".crackflow/slurm-logs"}
            assert folder.stat().st_mode & 0o077 == 0
            work = lines[-1].replace("dvc repro", f"{sys.executable} -c '{CLIENT}'")
            found = subprocess.run(
                ["sh", "-c", work], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert found.stdout.split() == ["1", "2", "1"], found.stderr
        finally:
            held.send_signal(signal.SIGTERM)
            assert held.wait(240) == 0
    script = (commands / "handed-in").read_text()
    assert f"--tls-key {folder.resolve()}/key.pem" in " ".join(script.split())
    assert len((commands / "cancelled").read_text().split()) == 1
    assert not folder.exists()


def test_without_slurm_or_a_configuration_it_says_so_in_one_line(commands, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with (
        dask.config.set({"jobqueue.slurm.cores": None}),
        pytest.raises(CrackflowError, match=r"jobqueue.slurm can't be used: You must specify how much cores"),
        slurm.workers_on_slurm(1, tmp_path),
    ):
        pass
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm.main(["--jobs", "1"]) == 2
    assert capsys.readouterr().err.startswith("error: found no command sbatch")
    with pytest.raises(SystemExit, match="2"):
        slurm.main(["--jobs", "0"])
