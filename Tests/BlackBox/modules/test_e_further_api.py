"""E. What modules may ask of the server, in Python: mail, templates, time, threads and tokens."""

from __future__ import annotations

import socketserver
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from blackbox.client import Client
from blackbox.modules import Puppet, shared_puppet
from blackbox.server import LocalServer

pytestmark = pytest.mark.own_server
MakeModuleServer = Callable[..., LocalServer]

puppet_server = shared_puppet({})


class MailSink(socketserver.ThreadingTCPServer):
    """Takes mails, and keeps what it was told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__(("127.0.0.1", 0), MailSink.Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            told: list[str] = []
            body = False
            for line in map(bytes.decode, self.rfile):
                told.append(line.rstrip("\r\n"))
                if body:
                    if line.rstrip() == ".":
                        body = False
                        self.server.mails.append("\n".join(told))  # type: ignore[attr-defined]
                        self.wfile.write(b"250 ok\r\n")
                    continue
                body = line.upper().startswith("DATA")
                if line.upper().startswith("QUIT"):
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"354 go on\r\n" if body else b"250 sink\r\n")


@pytest.fixture
def sink() -> Iterator[MailSink]:
    server = MailSink()
    yield server
    server.shutdown()
    server.server_close()


def test_e_mail_and_templates(module_server: MakeModuleServer, tmp_path: Path, sink: MailSink) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "hello.html").write_text("<p>Hello {{ name }}, it is {{ time|format_ts('%Y') }}</p>")
    (templates / "hello.txt").write_text("Hello {{ name }}")
    puppet = Puppet(tmp_path / "strings", "puppet", {})
    server = module_server(
        puppet.entry(),
        templates={"custom_template_directory": str(templates)},
        public_baseurl="https://matrix.example.org/",
        email={
            "smtp_host": "127.0.0.1", "smtp_port": sink.server_address[1], "app_name": "Tea Room",
            "notif_from": "%(app)s <noreply@example.org>", "enable_tls": False,
        },
    )
    assert puppet.result(server, "[api.email_app_name, api.public_baseurl, api.custom_template_dir]") == [
        "Tea Room", "https://matrix.example.org/", str(templates),
    ]
    told = puppet.result(server, """
        html, text = api.read_templates(["hello.html", "hello.txt"])
        words = {"name": "A & B", "time": 86400000}
        await api.send_mail("alice@example.org", "Tea?", html.render(**words), text.render(**words))
        return [html.render(**words), text.render(**words)]
    """)
    assert told == ["<p>Hello A &amp; B, it is 1970</p>", "Hello A & B"]
    (mail,) = sink.mails
    assert "RCPT TO:<alice@example.org>" in mail and "Subject: Tea?" in mail
    assert "Tea Room <noreply@example.org>" in mail
    assert "multipart/alternative" in mail
    assert puppet.run(server, 'await api.send_mail("", "x", "x", "x")')["exception"] == "RuntimeError"
    missing = puppet.run(server, 'api.read_templates(["hello.txt"], "/does/not/exist")')
    assert missing["exception"] == "ConfigError"


def test_e_time_and_threads(puppet: Puppet, server: LocalServer) -> None:
    now = puppet.result(server, "api.get_current_time_msec()")
    assert abs(now - time.time() * 1000) < 60_000
    told = puppet.result(server, """
        import threading
        from twisted.python.threadpool import ThreadPool
        pool = ThreadPool(1, 1, name="tea")
        pool.start()
        try:
            name = await api.defer_to_threadpool(pool, lambda: threading.current_thread().name)
            doubled = await api.defer_to_threadpool(pool, lambda a, b: a * b, 2, b=21)
        finally:
            pool.stop()
        return ["tea" in name, doubled]
    """)
    assert told == [True, 42]


def test_e_work_beside_the_request(puppet: Puppet, server: LocalServer) -> None:
    told = puppet.result(server, """
        async def work(word):
            memory["worked"] = word
            return word
        result = await api.run_as_background_process("work", work, "done")
        async def fails():
            raise RuntimeError("nobody hears of it")
        return [result, memory["worked"], await api.run_as_background_process("fails", fails)]
    """)
    assert told == ["done", "done", None]


@pytest.mark.synapse_differs("takes what it found for a mapping, and fails")
def test_e_a_token_is_ended(puppet: Puppet, server: LocalServer) -> None:
    alice = server.user("alice")
    other = server.login(alice)
    puppet.result(server, f'await api.invalidate_access_token("{other.token}")')
    Client(server.base_url, other.token).get("account", "whoami").refused(401, "M_UNKNOWN_TOKEN")
    alice.get("account", "whoami").ok()
    assert other.device not in str(alice.get("devices").ok())
    assert puppet.run(server, 'await api.invalidate_access_token("nonsense")')["code"] == 401
