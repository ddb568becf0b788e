"""A small Matrix client that hides nothing: it sends what a test says, and hands back what came."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import secrets
import socket
import ssl
from typing import Any, Callable
from urllib.parse import quote, urlencode, urlsplit

PASSWORD = "correct horse battery staple"
CLIENT = "/_matrix/client/v3"
_UNSET: Any = object()


class Answer:
    """An answer to one request."""

    def __init__(self, request: str, status: int, headers: http.client.HTTPMessage, body: bytes):
        self.request, self.status, self.headers, self.body = request, status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.request} → {self.status} {self.body[:400].decode(errors='replace')}"

    def ok(self) -> Any:
        """The JSON of an answer that must be a success."""
        assert self.status == 200, self
        return self.json

    def refused(self, status: int | tuple[int, ...], *codes: str) -> dict:
        """The JSON of an answer that must be an error with this status and one of these codes."""
        assert self.status in (status if isinstance(status, tuple) else (status,)), self
        body = self.json
        assert body.get("errcode") in codes, self
        assert isinstance(body.get("error"), str), self
        return body


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """One connection to a server, perhaps with an access token. Not for several threads at once.

    `get("rooms", room, "messages", dir="b")` asks for `/_matrix/client/v3/rooms/…/messages?dir=b`: each segment is
    percent-encoded; a query parameter that is a Python keyword is written with an underscore after it (`from_`).
    A first segment that begins with "/" is taken as the whole path.
    """

    def __init__(self, base_url: str, token: str | None = None, timeout: float = 60):
        self.base_url, self.token, self.timeout = base_url.rstrip("/"), token, timeout
        self._connection: http.client.HTTPConnection | None = None

    def _open(self) -> http.client.HTTPConnection:
        url = urlsplit(self.base_url)
        if url.scheme == "unix":
            return _UnixConnection(url.path, self.timeout)
        if url.scheme == "https":
            # The tests make their own certificates.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(url.hostname or "", url.port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=self.timeout)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = _UNSET,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Sends one request. A body that is `bytes` is sent as it is, anything else but `None` as JSON."""
        sent = dict(headers or {})
        token = self.token if token is _UNSET else token
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        elif method in ("POST", "PUT"):
            body = b""
        while True:
            fresh = self._connection is None
            connection = self._connection or self._open()
            self._connection = connection
            try:
                connection.request(method, path, body, sent)
                response = connection.getresponse()
                content = response.read()
                if response.will_close:
                    self.close()
                return Answer(f"{method} {path}", response.status, response.headers, content)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                # The server may close a connection that was idle; any other end of a connection is an error. POST may not be
                # repeated: what it asked for may have happened.
                if fresh or method not in ("GET", "PUT", "DELETE"):
                    raise
            except BaseException:
                self.close()
                raise

    def _path(self, segments: tuple[str, ...], query: dict[str, Any]) -> str:
        if segments[0].startswith("/"):
            path = segments[0]
            segments = segments[1:]
        else:
            path = CLIENT
        path += "".join("/" + quote(segment, safe="") for segment in segments)
        pairs = []
        for name, value in query.items():
            if value is None:
                continue
            if isinstance(value, bool):
                value = "true" if value else "false"
            if isinstance(value, dict):
                value = json.dumps(value)
            for item in value if isinstance(value, list) else [value]:
                pairs.append((name.rstrip("_"), str(item)))
        return path + ("?" + urlencode(pairs) if pairs else "")

    def get(self, *segments: str, **query: Any) -> Answer:
        return self.request("GET", self._path(segments, query))

    def delete(self, *segments: str, body: Any = None, **query: Any) -> Answer:
        return self.request("DELETE", self._path(segments, query), body)

    def put(self, *segments: str, body: Any = None, **query: Any) -> Answer:
        return self.request("PUT", self._path(segments, query), {} if body is None else body)

    def post(self, *segments: str, body: Any = None, **query: Any) -> Answer:
        return self.request("POST", self._path(segments, query), {} if body is None else body)


class User(Client):
    """A client that is signed in."""

    def __init__(self, base_url: str, session: dict, password: str = PASSWORD, timeout: float = 60):
        super().__init__(base_url, session.get("access_token"), timeout)
        self.id: str = session["user_id"]
        self.device: str | None = session.get("device_id")
        self.password = password
        self._transactions = itertools.count()
        self._prefix = secrets.token_hex(4)

    @property
    def localpart(self) -> str:
        return self.id[1:].split(":", 1)[0]

    @property
    def server_name(self) -> str:
        return self.id.split(":", 1)[1]

    def transaction(self) -> str:
        return f"{self._prefix}.{next(self._transactions)}"

    # Each of these asserts success; a test about refusals uses get, put and post.
    def create_room(self, **body: Any) -> str:
        return self.post("createRoom", body=body).ok()["room_id"]

    def join(self, room: str) -> None:
        assert self.post("join", room).ok()["room_id"] == room or room.startswith("#")

    def invite(self, room: str, user: str) -> None:
        self.post("rooms", room, "invite", body={"user_id": user}).ok()

    def leave(self, room: str) -> None:
        self.post("rooms", room, "leave").ok()

    def try_send(self, room: str, text: str = "hello", type: str = "m.room.message", **content: Any) -> Answer:
        if type == "m.room.message":
            content = {"msgtype": "m.text", "body": text, **content}
        return self.put("rooms", room, "send", type, self.transaction(), body=content)

    def send(self, room: str, text: str = "hello", type: str = "m.room.message", **content: Any) -> str:
        return self.try_send(room, text, type, **content).ok()["event_id"]

    def try_set_state(self, room: str, type: str, content: dict, key: str = "") -> Answer:
        return self.put("rooms", room, "state", type, key, body=content)

    def set_state(self, room: str, type: str, content: dict, key: str = "") -> str:
        return self.try_set_state(room, type, content, key).ok()["event_id"]

    def state(self, room: str, type: str, key: str = "") -> dict:
        return self.get("rooms", room, "state", type, key).ok()

    def messages(self, room: str, direction: str = "b", **query: Any) -> dict:
        return self.get("rooms", room, "messages", dir=direction, **query).ok()

    def all_messages(
        self, room: str, direction: str = "b", limit: int = 50, start: str | None = None, **query: Any
    ) -> list[dict]:
        """All events of the room this user may see from `start` on, page by page."""
        events: list[dict] = []
        while True:
            page = self.messages(room, direction, limit=limit, from_=start, **query)
            events += page["chunk"]
            if "end" not in page or page["end"] == start:
                return events
            start = page["end"]

    def sync(self, since: str | None = None, timeout: int = 0, **query: Any) -> dict:
        return self.get("sync", since=since, timeout=timeout, **query).ok()

    def sync_until(self, condition: Callable[[dict], Any], since: str | None = None, **query: Any) -> dict:
        """The first sync for which `condition` holds, polling for at most about ten seconds."""
        answer: dict = {}
        for _ in range(10):
            answer = self.sync(since, timeout=1000 if since else 0, **query)
            if condition(answer):
                return answer
            since = answer["next_batch"]
        raise AssertionError(f"no sync showed it; the last was {answer}")


def register_by_secret(client: Client, secret: str, name: str, password: str = PASSWORD, admin: bool = False) -> Answer:
    """Registers with the shared secret of the configuration, as `register_new_matrix_user` does."""
    path = "/_synapse/admin/v1/register"
    nonce = client.request("GET", path).ok()["nonce"]
    parts = [nonce, name, password, "admin" if admin else "notadmin"]
    mac = hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
    body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
    return client.request("POST", path, body)
