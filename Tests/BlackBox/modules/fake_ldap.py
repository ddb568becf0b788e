"""A directory of people that speaks just enough LDAP for a password module."""

from __future__ import annotations

import socketserver
import threading
from typing import Iterator

BASE = "ou=people,dc=example,dc=org"
# Who may look people up.
READER = ("cn=reader,dc=example,dc=org", "reader's")
# Who is in it: password and attributes.
PEOPLE = {"lena": ("lena's", {"uid": "lena", "givenName": "Lena", "mail": "lena@example.org"})}


def _packed(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + length + content


def _unpacked(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 128:
            count = size & 127
            size, at = int.from_bytes(data[at:at + count], "big"), at + count
        yield tag, data[at:at + size]
        at += size


def _text(text: str) -> bytes:
    return _packed(0x04, text.encode())


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while head := self.rfile.read(2):
            size = head[1]
            if size & 128:
                size = int.from_bytes(self.rfile.read(size & 127), "big")
            (_, number), (tag, body), *_ = _unpacked(self.rfile.read(size))
            for answer in self._answers(tag, list(_unpacked(body))):
                self.wfile.write(_packed(0x30, _packed(0x02, number) + answer))

    def _answers(self, tag: int, parts: list[tuple[int, bytes]]) -> list[bytes]:
        if tag == 0x60:
            name, password = parts[1][1].decode(), parts[2][1].decode()
            person = PEOPLE.get(name.split(",")[0].removeprefix("uid="))
            known = (name, password) == READER or (person is not None and person[0] == password)
            return [self._result(0x61, 0 if known else 49)]
        if tag == 0x63:
            # Not a filter's grammar: whom it names.
            found = [name for name in PEOPLE if name.encode() in parts[6][1]]
            return [*map(self._entry, found), self._result(0x65, 0)]
        return []

    @staticmethod
    def _entry(name: str) -> bytes:
        attributes = b"".join(
            _packed(0x30, _text(key) + _packed(0x31, _text(value))) for key, value in PEOPLE[name][1].items()
        )
        return _packed(0x64, _text(f"uid={name},{BASE}") + _packed(0x30, attributes))

    @staticmethod
    def _result(tag: int, code: int) -> bytes:
        return _packed(tag, _packed(0x0A, bytes([code])) + _text("") + _text(""))


class Directory(socketserver.ThreadingTCPServer):
    """Answers on a free port until it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"ldap://127.0.0.1:{self.server_address[1]}"
