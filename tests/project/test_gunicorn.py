"""gunicorn can read its configuration: every name in it that is a setting of gunicorn's is meant as one."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def test_gunicorn_accepts_its_configuration(tmp_path):
    command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--check-config"]
    environment = os.environ | {"LEUKOLENS_INSTANCE_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
