"""The files for Kubernetes: every pod takes a share of one store file that is right.

kubectl, where it is installed, builds them; docs/operations.md says which schemas took what it built.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from engines.paths import CONFIGS, ROOT
from pipelines.settings import load_settings

FOLDER = CONFIGS / "kubernetes"
ENV = {"CAM_PASSWORD": "x", "RTSP_PASSWORD": "y", "MQTT_PASSWORD": "z"}
SET: dict[str, Any] = yaml.safe_load((FOLDER / "cpu/statefulset.yaml").read_text())
CONTAINER = SET["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(("pod", "shards", "shown"), [("msh-0", "3", "1/3"), ("a-b-11", "12", "12/12")])
def test_a_pod_knows_its_share_by_its_name(pod: str, shards: str, shown: str) -> None:
    (text,) = CONTAINER["args"]
    assert text.startswith("exec /usr/local/bin/msh run /etc/msh/store.yaml --shard ")
    command = ["sh", "-c", f"echo {text.rpartition(' --shard ')[2]}"]
    env = {"HOSTNAME": pod, "MSH_SHARDS": shards}
    assert subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout == f"{shown}\n"


@pytest.mark.parametrize("made_by", ["Dockerfile.cpu", "scripts/container/install"])
def test_the_command_of_a_pod_is_in_both_images(made_by: str) -> None:
    """The image for a GPU has its environment at another place."""
    program = CONTAINER["args"][0].split()[1]
    assert re.search(rf"(ln -s \S+ |>){program}\b", (ROOT / made_by).read_text())


def test_the_store_file_is_right_and_every_pod_has_cameras() -> None:
    kustomization = yaml.safe_load((FOLDER / "cpu/kustomization.yaml").read_text())
    count = kustomization["replicas"][0]["count"]
    assert SET["spec"]["replicas"] == count
    pods = [
        load_settings(FOLDER / "cpu/store.yaml", env=ENV | {"MSH_SHARD": f"{number + 1}/{count}"})
        for number in range(count)
    ]
    assert len({name for pod in pods for name in pod.cameras}) == 12
    assert len({pod.store.device for pod in pods}) == count
    (pod, *_) = pods
    assert pod.outputs.metrics is not None
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert pod.outputs.metrics.listen.port == ports["metrics"]
    assert {CONTAINER[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe")} == {
        "/readyz"
    }
    files = kustomization["configMapGenerator"][0]["files"]
    assert all((FOLDER / "cpu" / name).is_file() for name in (*files, *kustomization["resources"]))


def test_pods_have_no_more_rights_than_the_image_needs() -> None:
    spec = SET["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert not CONTAINER["securityContext"]["allowPrivilegeEscalation"]
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    user = spec["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in (ROOT / "Dockerfile.cpu").read_text()
    mounted = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert mounted == {"/etc/msh", "/run/secrets", "/var/lib/msh", "/tmp"}


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_kubectl_builds_them(kind: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return
    command = [kubectl, "kustomize", str(FOLDER / kind)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    made = {one["kind"]: one for one in yaml.safe_load_all(text)}
    assert set(made) == {"Namespace", "ConfigMap", "Service", "StatefulSet"}
    (container,) = made["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env["MSH_SHARDS"] == str(made["StatefulSet"]["spec"]["replicas"])
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) is (kind == "gpu")
    assert "registry.example.com/make-sales-happen" in container["image"]
