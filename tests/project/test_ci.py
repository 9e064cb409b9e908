"""The two continuous integrations run the same, on the Pythons that are supported."""

import re
import subprocess

from tests.conftest import ROOT
from tests.project.test_python_range import SUPPORTED


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_both_run_the_same_targets():
    here = re.findall(r"^make ([\w-]+)$", text(".ci/run"), re.MULTILINE)
    there = re.findall(r"- run: make ([\w-]+)$", text(".github/workflows/ci.yml"), re.MULTILINE)
    assert here == ["lint", "test-js", "bench-guard", "test", "test-postgres", "test-faults", "sbom"]
    assert there == ["install", *here]


def test_every_supported_python_is_tried():
    versions = re.search(r"python: \[(.+)\]", text(".github/workflows/ci.yml"))[1]
    assert re.findall(r"[\d.]+", versions) == SUPPORTED


def test_both_hand_postgresql_to_the_tests():
    assert "LEUKOLENS_TEST_POSTGRES_URL=" in text(".ci/run")
    assert "LEUKOLENS_TEST_POSTGRES_URL:" in text(".github/workflows/ci.yml")


def test_actions_are_pinned_to_the_commit_of_a_version():
    uses = re.findall(r"uses: (.+)", text(".github/workflows/ci.yml"))
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name) for name in uses)


def test_the_script_is_sound_bash():
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
