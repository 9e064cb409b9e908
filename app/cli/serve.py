"""`serve`: the server, in one process, because the engine batches and limits inside it."""

from __future__ import annotations

import gc
import logging
import os
import signal

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.deadlines import CONNECTIONS, Server
from app.inference.engine import engine
from app.inference.jobs import runner
from app.inference.lab_jobs import lab_runner

GRACE_SECONDS = 30.0  # for what is being answered when the server is told to stop
DRAINED = 4  # times MAX_UPLOAD_BYTES: so much of a body that is too large is read, for its sender to see the answer


@click.command()
@with_appcontext
def serve() -> None:
    """Serve the application at HOST and PORT until SIGTERM or SIGINT."""
    app, config = current_app._get_current_object(), current_app.config  # type: ignore[attr-defined]
    if not config["SECRET_KEY"]:
        raise click.ClickException("There is no lab yet. Run `flask --app wsgi init` first.")
    logging.getLogger("leukolens").setLevel(logging.INFO)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that waits a moment
    behind_a_proxy = config["TRUSTED_PROXIES"] > 0  # then all come from its address, and it has limits of its own
    try:
        server = Server(
            app,
            config["HOST"],
            config["PORT"],
            config["THREADS"],
            DRAINED * config["MAX_UPLOAD_BYTES"],
            CONNECTIONS if behind_a_proxy else config["CONNECTIONS_PER_ADDRESS"],
        )
    except (OSError, ValueError) as error:
        raise click.ClickException(f"Cannot listen at {config['HOST']} port {config['PORT']}: {error}.") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    engine()
    lab_runner().start()
    runner().start()  # goes on with what a restart interrupted
    # What stands now stays: looking through all of it for garbage holds every request up for tens of milliseconds.
    gc.collect()
    gc.freeze()
    click.echo(f"LeukoLens serves at http://{config['HOST']}:{config['PORT']}", err=True)
    server.run(GRACE_SECONDS)
    # Not by the interpreter's end: it would wait for a model that is just being loaded.
    logging.shutdown()
    os._exit(0)
