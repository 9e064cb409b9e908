"""A client of the running server that is cheap enough not to be what is measured."""

import http.client
import json
import re
import threading
import time
import urllib.parse

IDLE_SECONDS = 5  # after which a connection is begun anew: the server ends those that are idle (`keepalive`)


class Client:
    """Signed in once; every thread keeps a connection of its own and sends the same session's cookie."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port
        self.cookie = ""
        self.token = ""
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Send one request and return status and body."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
            self._connections.append(connection)
        elif time.monotonic() - self._local.answered > IDLE_SECONDS:
            connection.close()  # the next request opens it
        headers = {"Accept": "application/json" if self.token else "text/html"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.token:
            headers["X-CSRFToken"] = self.token
        if kind:
            headers["Content-Type"] = kind
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        self._local.headers, self._local.answered = answer.headers, time.monotonic()
        for header in answer.headers.get_all("Set-Cookie") or ():
            self.cookie = header.split(";", 1)[0]
        return answer.status, data

    def header(self, name: str) -> str:
        """Return a header of the answer that this thread got last, or ""."""
        return str(self._local.headers.get(name, ""))

    def close(self) -> None:
        """Close the connections of all threads; the next request of one opens its own again."""
        for connection in self._connections:
            connection.close()

    def form(self, path: str, fields: dict[str, str]) -> tuple[int, bytes]:
        """Send a form with the token of the page at `path`."""
        if not self.token:
            page = self.request("GET", path)[1].decode()
            found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
            fields = fields | ({"csrf_token": found[1]} if found else {})
        return self.request("POST", path, urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def sign_in(self, address: str, one_time: str, password: str) -> None:
        """Sign in, replace the one-time password, and keep the form token."""
        self.form("/sign-in", {"email": address, "password": one_time})
        self.form(
            "/account/password", {"password": one_time, "new_password": password, "new_password_confirm": password}
        )
        page = self.request("GET", "/")[1].decode()
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        if not found:
            raise RuntimeError("The benchmark could not sign in.")
        self.token = found[1]

    def open_case(self, accession: str) -> str:
        """Open a case and return its identifier."""
        status, body = self.form("/cases/new", {"accession": accession, "specimen": "PB", "stain": "", "notes": ""})
        if status != 201:
            raise RuntimeError(f"The benchmark could not open a case: {status}.")
        return str(json.loads(body)["id"])

    def upload(self, case: str, data: bytes) -> int:
        """Send one image and return the status."""
        return self.send(case, data)[0]

    def send(self, case: str, data: bytes) -> tuple[int, bytes]:
        """Send one image and return status and body."""
        edge = "leukolensbenchboundary"
        body = (
            (
                f'--{edge}\r\nContent-Disposition: form-data; name="image"; filename="field.jpg"\r\n'
                "Content-Type: image/jpeg\r\n\r\n"
            ).encode()
            + data
            + f"\r\n--{edge}--\r\n".encode()
        )
        return self.request("POST", f"/cases/{case}/images", body, f"multipart/form-data; boundary={edge}")
