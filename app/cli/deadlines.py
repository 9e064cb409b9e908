"""The HTTP server: requests are read whole before a thread is taken, within deadlines, and so many from an address.

Waitress reads headers and bodies in one loop and hands whole requests to its threads, so that a thousand slow uploads
keep none of them. What it lacks is here: how long a request may take to arrive, how long an answer may lie unread, and
how many connections an address may hold.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

log = logging.getLogger("leukolens.server")

HEADER_SECONDS = 15.0  # within which a request's header has to be there
BODY_SECONDS = 30.0  # that a body may take however small it is; beyond them it has to come at least so fast:
SLOWEST = 8 * 1024  # bytes a second, on average
UNREAD_SECONDS = 60.0  # that an answer may lie without the client taking any of it
IDLE_SECONDS = 30  # for which a connection without a request is kept
CONNECTIONS = 2000  # from all addresses together
HEADER_BYTES = 32 * 1024


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress ships no types
    """A connection that knows since when its present request has been arriving."""

    begun = 0.0

    def received(self, data: bytes) -> bool:
        """Take in what came, and note when a request begins."""
        before = self.request
        progressed: bool = super().received(data)
        if self.request is not before:
            self.begun = time.time()
        return progressed

    def overdue(self, now: float) -> bool:
        """Return whether the client takes longer than it may, to send or to read."""
        if self.total_outbufs_len and now - self.last_activity > UNREAD_SECONDS:
            return True
        request = self.request
        if request is None:
            return False
        seconds = now - self.begun
        if not request.headers_finished:
            return seconds > HEADER_SECONDS
        return seconds > BODY_SECONDS and request.body_bytes_received < SLOWEST * (seconds - BODY_SECONDS)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A listening socket that closes what is overdue and refuses who holds too many connections."""

    most_per_address = CONNECTIONS

    def channel_class(self, server: Any, conn: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:
        """Begin a connection, unless its address holds as many as it may."""
        held = sum(channel.addr[0] == addr[0] for channel in self.active_channels.values())
        if held >= self.most_per_address:
            with contextlib.suppress(OSError):
                conn.close()
            return
        Channel(server, conn, addr, adj, map=map)

    def maintenance(self, now: float) -> None:
        """Close what has been idle, and what is overdue."""
        super().maintenance(now)
        overdue = [channel for channel in self.active_channels.values() if channel.overdue(now)]
        for channel in overdue:
            channel.handle_close()  # now, and not when it can be written to: it may never be
        if overdue:
            log.info("closed %d connections that took longer than they may", len(overdue))


class Server:
    """Serves an application on one address until it is told to stop."""

    def __init__(
        self, app: Callable[..., Any], host: str, port: int, threads: int, most_body: int, most_per_address: int
    ) -> None:
        """most_body: bytes of a request beyond which not even its rest is read; most_per_address: connections."""
        self.map: dict[int, Any] = {}
        adjustments = Adjustments(
            listen=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            threads=threads,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            max_request_body_size=most_body,
            max_request_header_size=HEADER_BYTES,
            asyncore_use_poll=True,  # more than a thousand connections
            ident=None,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=False,  # TRUSTED_PROXIES says which are believed
        )
        self.dispatcher = ThreadedTaskDispatcher()
        self.dispatcher.set_thread_count(threads)
        self.listeners = [
            Listener(app, self.map, dispatcher=self.dispatcher, adj=adjustments, sockinfo=info)
            for info in adjustments.listen
        ]
        for listener in self.listeners:
            listener.most_per_address = most_per_address
        self.stopping = False

    def stop(self) -> None:
        """Take no new connections, and end once what is being answered is answered."""
        self.stopping = True

    def run(self, grace: float) -> None:
        """Serve until `stop`, and then for `grace` seconds at most."""
        until = None
        while until is None or (time.monotonic() < until and self.busy()):
            wasyncore.loop(timeout=0.5, use_poll=True, map=self.map, count=1)
            if self.stopping and until is None:
                until = time.monotonic() + grace
                for listener in self.listeners:
                    listener.accepting = False
        for listener in self.listeners:
            listener.close()
        wasyncore.close_all(self.map)

    def busy(self) -> bool:
        """Return whether a request is being answered, or an answer is still to be sent."""
        channels = [channel for listener in self.listeners for channel in listener.active_channels.values()]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
