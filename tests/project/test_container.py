"""The container and its bill of materials: what runs has no rights that it does not need, and everything is named."""

import json
import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.project.licences import locked

SERVICES = {"compose.yaml": "leukolens", "docs/scale/compose.yml": "one"}


@pytest.fixture(params=SERVICES)
def service(request):
    composed = yaml.safe_load((ROOT / request.param).read_text(encoding="utf-8"))
    return composed["services"][SERVICES[request.param]]


@pytest.fixture(scope="module")
def dockerfile():
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_nothing_is_writable_but_the_data(service):
    assert service["read_only"] is True
    assert [volume.split(":")[1] for volume in service["volumes"]] == ["/data"]
    assert all("noexec" in mount for mount in service["tmpfs"])


def test_it_has_no_rights_that_it_does_not_need(service):
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["pids_limit"] > 0
    assert service["mem_limit"]


def test_it_is_not_reached_from_elsewhere_without_a_proxy(service):
    assert [port.split(":")[0] for port in service.get("ports", [])] in (["127.0.0.1"], [])


def test_the_server_is_nobody_who_could_change_it(dockerfile):
    users = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    assert users
    assert users[-1].isdecimal()
    assert int(users[-1]) > 0
    assert not re.findall(r"^COPY --chown", dockerfile, re.MULTILINE)
    assert dockerfile.index("USER 10001") > dockerfile.index("COPY wsgi.py")


def test_what_is_installed_is_compared_with_its_hash(dockerfile):
    installed = re.findall(r"pip install (.+)", dockerfile)
    assert installed
    assert all(words.startswith("--require-hashes -r ") for words in installed)


def test_the_bill_of_materials_names_everything_with_its_hash(tmp_path):
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    command = re.search(r"\$\(BIN\)/(cyclonedx-py .+?)\s+--output-file build/sbom.cdx.json", text.replace("\\\n", " "))
    target = tmp_path / "sbom.cdx.json"
    words = [*command[1].split(), "--output-file", str(target)]
    subprocess.run([ROOT / ".venv" / "bin" / words[0], *words[1:]], cwd=ROOT, check=True, capture_output=True)
    bill = json.loads(target.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "leukolens")
    components = {component["name"]: component for component in bill["components"]}
    serving = set(
        re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert set(components) >= serving
    assert serving <= set(locked())
    for component in components.values():
        assert component["version"], component["name"]
        assert component["externalReferences"][0]["hashes"], component["name"]
