"""The job templates of docs/how-to/containers.md, as Prefect fills them, without Docker or Kubernetes."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from prefect.server.api import collections_data
from prefect.utilities.templating import apply_values
from prefect.workers.base import BaseJobConfiguration

ROOT = Path(__file__).parents[2]
# what Prefect itself ships of its workers
WORKERS = json.loads((Path(collections_data.__path__[0]) / "views/aggregate-worker-metadata.json").read_text("utf-8"))
POOLS = {name: json.loads((ROOT / f"docker/{name}-pool.json").read_text("utf-8")) for name in ("docker", "kubernetes")}
EVIL = {
    "image": "evil",
    "volumes": ["/:/host"],
    "command": "evil",
    "privileged": True,
    "container_create_kwargs": {"user": "0"},
    "namespace": "evil",
}


@pytest.fixture(params=POOLS)
def pool(request):
    return request.param


def defaults(pool):
    return WORKERS[f"prefect-{pool}"][pool]["default_base_job_configuration"]


def test_a_template_has_no_key_that_the_worker_does_not_know(pool):
    # the newer of Docker's: this Prefect's copy of the worker's template has it not
    known = set(defaults(pool)["job_configuration"]) | {"container_create_kwargs"}
    assert set(POOLS[pool]["job_configuration"]) <= known
    Draft202012Validator.check_schema(POOLS[pool]["variables"])
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(POOLS[pool]["job_configuration"])))
    assert used == set(POOLS[pool]["variables"]["properties"]) == {"name"}


def test_what_a_template_fixes_has_the_types_that_the_worker_asks_for(pool):
    variables = defaults(pool)["variables"]
    fixed = {key: value for key, value in POOLS[pool]["job_configuration"].items() if key in variables["properties"]}
    assert len(fixed) > 3
    Draft202012Validator(variables).validate({**fixed, "name": "run"})


def test_job_variables_of_a_run_change_neither_image_nor_folders(pool):
    template = POOLS[pool]
    filled = apply_values(template["job_configuration"], {"name": "run", **EVIL})
    assert filled == {**template["job_configuration"], "name": "run"}


def test_a_checkout_lies_at_one_path():
    docker, kubernetes = (POOLS[name]["job_configuration"] for name in ("docker", "kubernetes"))
    place = docker["env"]["PYTHONPATH"]
    assert docker["volumes"] == [f"{place}:{place}"]
    spec = kubernetes["job_manifest"]["spec"]["template"]["spec"]
    [container], [volume] = spec["containers"], spec["volumes"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": place}]
    assert kubernetes["env"] == docker["env"]
    page = (ROOT / "docs/how-to/containers.md").read_text(encoding="utf-8")
    claim = volume["persistentVolumeClaim"]["claimName"]
    assert f"metadata: {{name: {claim}, namespace: {kubernetes['namespace']}}}" in page


def test_the_entrypoint_runs_what_a_worker_asks_for_and_else_crackflow(tmp_path):
    for name in ("prefect", "python"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $*\n")
        (tmp_path / name).chmod(0o755)
    entrypoint = ["/bin/sh", ROOT / "docker/crackflow"]
    for given, said in (
        # as BaseJobConfiguration names it
        (BaseJobConfiguration._base_flow_run_command().split(), "prefect flow-run execute"),
        (["rebuild"], "python -m pipelines rebuild"),
        ([], "python -m pipelines"),
    ):
        found = subprocess.run([*entrypoint, *given], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
        assert found.stdout.strip() == said, found.stderr
