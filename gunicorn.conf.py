"""How gunicorn serves LeukoLens behind a proxy that reads requests whole: one process, in which the engine batches.

Without such a proxy a few clients that never end their requests hold all its threads: `flask --app wsgi serve`, which
`make run` and the container start, has deadlines of its own (docs/security.md).
"""

import gc
import logging
import sys
from typing import Any

# Not `from app import config`: gunicorn takes every name here that is one of its settings, and `config` is.
from app.config import SettingError, load

try:
    values = load()
except SettingError as error:
    sys.exit(str(error))

bind = f"{values['HOST']}:{values['PORT']}"
wsgi_app = "wsgi:app"
workers = 1
worker_class = "gthread"
threads = values["THREADS"]
preload_app = False  # what computes networks does not survive a fork
timeout = 120
graceful_timeout = 30
keepalive = 15
max_requests = 0
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Refuse to serve without the key that `init` writes."""
    if not values["SECRET_KEY"]:
        sys.exit("There is no lab yet. Run `flask --app wsgi init` first.")


def post_worker_init(worker: Any) -> None:
    """Start loading the models in the background as soon as the worker stands."""
    app = worker.wsgi
    from app.inference.engine import engine
    from app.inference.jobs import runner
    from app.inference.lab_jobs import lab_runner

    logging.getLogger("leukolens").setLevel(logging.INFO)
    with app.app_context():
        engine()
        lab_runner().start()
        runner().start()  # goes on with what a restart interrupted
    # What stands now stays: looking through all of it for garbage holds every request up for tens of milliseconds.
    gc.collect()
    gc.freeze()
