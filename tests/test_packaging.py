"""compose.yaml, the images and what they are configured with: every name in them is one that exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from engines.paths import CONFIGS, ROOT
from pipelines.cameras.states import CameraState
from pipelines.settings.load import load_settings
from pipelines.version import VERSION
from probes.metrics import Metrics
from tests.fakes.broker import free_port
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = {
    "models": {"onnx", "protobuf"},
    "messengers": {"apprise"},
    "parquet": {"arro3-core", "arro3-io"},
    "traces": {"opentelemetry-exporter-otlp-proto-http", "opentelemetry-sdk", "protobuf"},
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
BOARD: dict[str, Any] = json.loads((CONFIGS / "grafana" / "make-sales-happen.json").read_text())
MANAGERS: dict[str, Any] = json.loads((CONFIGS / "grafana" / "managers.json").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((CONFIGS / "prometheus-alerts.yaml").read_text())
EXPRESSIONS = [
    target["expr"]
    for board in (BOARD, MANAGERS)
    for panel in board["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
]
EXPRESSIONS += [
    variable["definition"] for board in (BOARD, MANAGERS) for variable in board["templating"]["list"]
]
EXPRESSIONS += [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"] if "expr" in rule]
RECORDED = {rule["record"] for group in ALERTS["groups"] for rule in group["rules"] if "record" in rule}
ADDED = {"device", "store", "instance", "job"}
"""Labels that Prometheus adds."""


def known() -> dict[str, set[str]]:
    """Return every series that the program can show, and its labels."""
    found: dict[str, set[str]] = {}
    metrics = Metrics([state.value for state in CameraState])
    for collector in list(metrics.registry._collector_to_names):
        names = metrics.registry._collector_to_names[collector]
        labels = set(getattr(collector, "_labelnames", ()))
        for name in names:
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found | {family.name: set() for family in metrics.registry.collect() if family.name not in found}


KNOWN = known()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_name_metrics_and_labels_that_exist(expression: str) -> None:
    names = set(re.findall(r"\b(?:msh|process)_[a-z_]+", expression))
    assert names
    assert names <= KNOWN.keys() | RECORDED
    for name, inner in re.findall(r"\b((?:msh|process)_[a-z_]+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*[=!]~?", inner))
        assert labels <= KNOWN.get(name, labels) | ADDED, name
    grouped = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", expression) for label in by.split(",")}
    assert grouped <= set.union(ADDED, *(KNOWN.get(name, set()) for name in names))
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("board", [BOARD, MANAGERS])
def test_legends_name_labels_that_exist(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            names = re.findall(r"\b(?:msh|process)_[a-z_]+", target["expr"])
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert labels <= set.union(ADDED, *(KNOWN[name] for name in names)), panel["title"]


def test_a_box_is_chosen_with_its_store() -> None:
    """Boxes of two stores may have one name, and were summed."""
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["store", "device", "camera"]
    chosen = [one for one in EXPRESSIONS if "$device" in one]
    assert [one for one in chosen if one.count("$device") != one.count('store=~"$store"')] == []


@pytest.mark.parametrize("board", [BOARD, MANAGERS])
def test_panels_do_not_overlap_and_use_the_provisioned_source(board: dict[str, Any]) -> None:
    (source,) = yaml.safe_load(
        (ROOT / "configs/grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel.get("datasource", {}).get("uid", source["uid"]) == source["uid"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_compose_names_only_what_is_there() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert service["network_mode"] == "host"
        assert service["restart"] == "unless-stopped"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], (
                volume
            )
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert set(service.get("depends_on", ())) <= set(services)
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
    assert not re.search(
        r"(?i)password\s*[:=]\s*['\"]?[a-z0-9]{6,}\s*$", (ROOT / "compose.yaml").read_text(), re.M
    )


def test_cameras_of_the_host_are_passed_on_without_more_rights() -> None:
    cameras = yaml.safe_load((ROOT / "compose.cameras.yaml").read_text())["services"]
    assert cameras.keys() <= COMPOSE["services"].keys()
    assert cameras["msh"]["device_cgroup_rules"] == ["c 81:* rmw"]  # major number of video4linux
    assert "/tmp/argus_socket:/tmp/argus_socket" in cameras["msh"]["volumes"]
    assert "privileged" not in cameras["msh"]
    assert COMPOSE["services"]["msh"]["group_add"] == ["video", "${MSH_RENDER_GID:-render}"]


@pytest.mark.parametrize("made_by", ["Dockerfile.cpu", "scripts/container/install"])
def test_the_groups_that_compose_adds_are_in_every_image(made_by: str) -> None:
    """A container with a group that its image lacks is not started, and Debian's image lacks `render`."""
    text = (ROOT / made_by).read_text()
    assert re.search(r"groupadd --system (render|\"\$group\")", text)
    assert "render" in text


@pytest.mark.parametrize("version", ["7.1", "8.0", "9.1", "9.2"])
def test_the_package_list_of_an_image_suits_its_pyds(version: str) -> None:
    for script in ("wheels", "install"):
        text = (ROOT / "scripts/container" / script).read_text()
        chosen = next(line for line in text.splitlines() if line.startswith("list="))
        other = next(line for line in text.splitlines() if "list=deepstream" in line)
        shell = (
            f'deepstream={version}; major=${{deepstream%%.*}}; {chosen.split(" #")[0]}; {other}; echo "$list"'
        )
        found = subprocess.run(["bash", "-ec", shell], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == ("cpu" if version >= "9" else "deepstream")


def test_the_store_file_of_compose_is_good_and_scraped_where_it_listens() -> None:
    settings = load_settings(CONFIGS / "box.yaml", env={"MQTT_PASSWORD": "x"})
    scrape = yaml.safe_load((CONFIGS / "prometheus.yml").read_text())
    static = scrape["scrape_configs"][0]["static_configs"][0]
    assert settings.outputs.metrics is not None
    assert static["targets"] == [str(settings.outputs.metrics.listen)]
    assert static["labels"] == {"store": settings.store.id, "device": settings.store.device}
    assert all((CONFIGS / name).is_file() for name in scrape["rule_files"])
    assert settings.outputs.mqtt is not None
    assert settings.outputs.mqtt.username == "msh"


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cpu", "Dockerfile.jetson"])
def test_every_image_says_what_it_is(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", "")
    labels = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)=("[^"]*"|\S+)', text))
    assert labels.keys() == {
        *("title", "description", "version", "licenses", "vendor", "base.name", "created", "revision")
    }
    assert labels["version"] == f'"{VERSION}"'
    assert (labels["created"], labels["revision"]) == ("$CREATED", "$REVISION")
    last = text.rpartition("\nFROM ")[2]
    assert last.index("ARG REVISION") < last.index("ARG CREATED") < last.index("LABEL ")


@pytest.mark.parametrize(("name", "deepstream"), [("Dockerfile", "9.2"), ("Dockerfile.jetson", "7.1")])
def test_images(name: str, deepstream: str) -> None:
    text = (ROOT / name).read_text()
    assert f"ARG DEEPSTREAM={deepstream}\n" in text
    assert "FROM nvcr.io/nvidia/deepstream:${DEEPSTREAM}-samples-multiarch AS base" in text
    assert re.search(r"^USER \d+$", text, re.M)
    assert "HEALTHCHECK" in text
    for copied in re.findall(r"^COPY (?!--from)(.+) /opt", text, re.M):
        assert all((ROOT / one).exists() or any(ROOT.glob(one)) for one in copied.split()), copied
    for run in re.findall(r"/opt/msh/(scripts/container/[\w.]+)", text):
        assert (ROOT / run).is_file(), run
    assert (ROOT / "scripts/container/system").stat().st_mode & 0o111
    user = re.search(r"^USER (\d+)$", text, re.M)
    assert user is not None
    assert f"--uid {user[1]} " in (ROOT / "scripts/container/install").read_text()


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.jetson"])
def test_what_the_reader_is_built_from_is_there_before_it_is_built(name: str) -> None:
    built = re.findall(r'\$root"?/(\S+\.c)', (ROOT / "scripts/container/reader").read_text(encoding="utf-8"))
    sources = {path for one in built for path in ROOT.glob(one)}
    steps = (ROOT / name).read_text(encoding="utf-8").split("COPY . ")[0]
    words = " ".join(re.findall(r"^COPY (.+)$", steps, re.MULTILINE)).split()
    copied = {path for one in words if one.startswith("probes/") for path in ROOT.glob(one)}
    folder = ROOT / "probes/nvds"
    assert sources == set(folder.glob("*.c"))
    assert sources | set(folder.glob("*.h")) <= copied


def test_pyds_is_built_for_the_python_of_the_image(tmp_path: Path) -> None:
    """CMakeLists.txt of the pinned commit ends with an error where it is built for another than 3.10."""
    text = (ROOT / "scripts/container/wheels").read_text()
    steps = text[text.index("    minor=") : text.index("    ;;\nesac")].replace("/tmp/pyds", str(tmp_path))
    made = tmp_path / "bindings/CMakeLists.txt"
    made.parent.mkdir()
    made.write_text("set(PYTHON_MAJVERS_ALLOWED 3)\nset(PYTHON_MINVERS_ALLOWED 10)\n")
    build = tmp_path / "build"
    build.write_text('#!/bin/sh\necho "$CMAKE_ARGS"\n')
    build.chmod(0o755)
    shell = f"python={tmp_path}/python\nout=/wheels\n{steps.replace('/tmp/build/bin/python', str(build))}"
    (tmp_path / "python").write_text("#!/bin/sh\necho 12\n")
    (tmp_path / "python").chmod(0o755)
    done = subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=True)
    assert "-DPYTHON_MINOR_VERSION=12" in done.stdout
    assert made.read_text() == "set(PYTHON_MAJVERS_ALLOWED 3)\nset(PYTHON_MINVERS_ALLOWED 12)\n"


def test_pyds_has_the_headers_of_gstreamers_video_library() -> None:
    """gstnvdsmeta.h includes gst/video/video.h, and NVIDIA's images have it for development alone."""
    assert " libgstreamer-plugins-base1.0-dev " in (ROOT / "scripts/container/wheels").read_text()


@pytest.mark.parametrize("named", [False, True])
def test_a_jetsons_packages_are_named_once(tmp_path: Path, named: bool) -> None:
    folder, line = tmp_path / "sources.list.d", "https://repo.download.nvidia.com/jetson/common r39.2 main"
    folder.mkdir()
    (tmp_path / "sources.list").write_text(f"deb {line}\n" if named else "")
    text = (ROOT / "scripts/container/system").read_text().partition("# libmosquitto1")[0]
    for place in ("/etc/apt", "/usr/share/keyrings"):
        text = text.replace(place, str(tmp_path))
    stubs = "apt-get() { :; }; curl() { :; }; gpg() { :; }\n"
    environ = {"JETSON_RELEASE": "r39.2", "PATH": os.environ["PATH"]}
    subprocess.run(["bash", "-c", stubs + text], env=environ, check=True)
    added = folder / "jetson.list"
    assert added.exists() is not named
    assert named or added.read_text() == f"deb [signed-by={tmp_path}/jetson-ota.gpg] {line}\n"


def test_the_image_without_a_gpu_is_set_up_as_a_machine_is() -> None:
    text = (ROOT / "Dockerfile.cpu").read_text()
    assert ". /opt/msh/scripts/setup && setup cpu" in text
    for copied in re.findall(r"^COPY (.+) /opt", text, re.M):
        assert all((ROOT / one).exists() for one in copied.split()), copied
    for run in re.findall(r"/opt/msh/(scripts/[\w./]+)", text):
        assert (ROOT / run).is_file(), run
    assert re.search(r"^USER \d+:\d+$", text, re.M)
    assert ".venv" in (ROOT / ".dockerignore").read_text().split()
    beside = yaml.safe_load((ROOT / "compose.cpu.yaml").read_text())["services"]["msh"]
    assert beside == {"build": {"dockerfile": "Dockerfile.cpu"}, "runtime": "runc"}


@pytest.mark.parametrize("name", ["cpu", "dev", "deepstream", "sbom", *EXTRAS])
def test_each_pin_has_the_hashes_of_its_files(name: str) -> None:
    joined = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", "")
    for line in joined.splitlines():
        assert re.match(r"[\w.-]+==\S+ (; [^-]+)?( *--hash=sha256:[0-9a-f]{64})+$", line), line[:80]


def test_what_few_stores_need_is_in_lists_of_their_own() -> None:
    lists = {
        name: set(re.findall(r"^([\w.-]+)==", (ROOT / f"requirements/{name}.txt").read_text(), re.M))
        for name in ("cpu", "deepstream", "dev", *EXTRAS)
    }
    for extra, packages in EXTRAS.items():
        assert lists[extra] >= packages
        assert lists[extra] <= lists["dev"]
        assert not lists[extra] & (lists["cpu"] | lists["deepstream"])
        for image in ("Dockerfile", "Dockerfile.jetson", "Dockerfile.cpu"):
            copied = re.findall(r"^COPY (.*) /opt/msh/requirements/$", (ROOT / image).read_text(), re.M)
            assert f"requirements/{extra}.txt" in " ".join(copied).split()


def test_the_images_packages_suit_pyds() -> None:
    pinned = (ROOT / "requirements" / "deepstream.txt").read_text()
    assert re.search(r"^numpy==1\.26\.\d+ ", pinned, re.M)  # NVIDIA's pyds wheels need numpy below 2
    project = (ROOT / "pyproject.toml").read_text()
    names = {line.split("==")[0] for line in pinned.splitlines()}
    for key in ("dependencies", "cpu"):
        found = re.search(rf"^{key} = \[(.*?)\]\n", project, re.M | re.S)
        assert found is not None
        wanted = {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)', found[1])}
        assert wanted <= names, "run requirements/lock-deepstream"


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs mosquitto")
def test_the_broker_takes_only_the_secret_password(tmp_path: Path) -> None:
    port = free_port()
    text = (ROOT / "configs/mosquitto/mosquitto.conf").read_text()
    text = text.replace("listener 1883", f"listener {port} 127.0.0.1").replace(
        "/mosquitto/data/", f"{tmp_path}/"
    )
    text = text.replace("/tmp/mosquitto-passwords", str(tmp_path / "passwords"))
    (tmp_path / "m.conf").write_text(text + "\nuser root\n")
    (tmp_path / "secret").write_text("s3cret word\n")
    env = {"PATH": "/usr/sbin:/usr/bin:/bin", "MOSQUITTO_CONFIG": str(tmp_path / "m.conf")}
    start = ["sh", str(ROOT / "configs/mosquitto/start.sh")]
    without = subprocess.run(start, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert without.returncode == 2
    assert "missing or empty" in without.stderr
    broker = subprocess.Popen(
        start, env=env | {"MQTT_SECRET": str(tmp_path / "secret")}, stderr=subprocess.PIPE
    )
    try:
        wait_for(lambda: answers(port))
        assert connect(port, "msh", "s3cret word") == "Success"
        assert connect(port, "msh", "wrong") == "Not authorized"
        assert connect(port, None, None) == "Not authorized"
        assert "s3cret" not in (tmp_path / "passwords").read_text()
    finally:
        broker.terminate()
        broker.communicate(timeout=120)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connect(port: int, user: str | None, password: str | None) -> str:
    said: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *event: said.append(str(event[3]))
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", port)
    wait_for(lambda: client.loop(0.1) is not None and said)
    client.disconnect()
    return said[0]


def test_the_health_check_asks_the_program(tmp_path: Path) -> None:

    from tests.fakes.http_server import QuietHandler, serving

    class Handler(QuietHandler):
        status = 200

        def do_GET(self) -> None:
            self.send_response(self.status)
            self.end_headers()
            self.wfile.write(b"no frames")

    with serving(Handler) as server:
        url = f"{server.url}/healthz"
        script = [sys.executable, str(ROOT / "scripts/container/health.py")]

        def ask() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                script, env={"MSH_HEALTH_URL": url}, capture_output=True, text=True, timeout=300, check=False
            )

        assert ask().returncode == 0
        Handler.status = 503
        assert (ask().returncode, ask().stdout) == (1, "no frames\n")
    assert ask().returncode == 1
