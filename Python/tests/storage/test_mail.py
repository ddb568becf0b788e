"""Mail."""

from __future__ import annotations

import email
from types import SimpleNamespace

import pytest
from twisted.internet import defer
from twisted.internet.testing import StringTransport
from twisted.mail.smtp import SMTPConnectError
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from axolemma_host.config_sections import SECTIONS
from axolemma_host.mail import SendEmailHandler


class Reactor:
    """Remembers the connection that is asked for."""

    def __init__(self):
        self.connections = []

    def connectTCP(self, host, port, factory, timeout=30):
        self.connections.append((host, port, factory))


def handler(**options):
    reactor = Reactor()
    section = SECTIONS["email"]({}, {"email": {"notif_from": "%(app)s <noreply@example.org>", **options}})
    hs = SimpleNamespace(
        config=SimpleNamespace(email=SimpleNamespace(**section)), hostname="example.org", get_reactor=lambda: reactor
    )
    return SendEmailHandler(hs), reactor


def send(handler, to="Bob <bob@example.org>"):
    results = []
    mail = handler.send_email(to, "Grüße", "App", "<p>ü</p>", "ü", {"X-Extra": "1"})
    defer.ensureDeferred(mail).addBoth(results.append)
    return results


def talk(factory, *answers):
    """Answers a client step by step, and gives what it said."""
    protocol = factory.buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    for answer in answers:
        protocol.dataReceived(answer + b"\r\n")
        pull = transport.producer
        while pull is not None and transport.producer is pull:
            pull.resumeProducing()
    return transport.value()


def test_a_mail_has_two_forms_of_its_text():
    mailer, reactor = handler(smtp_host="mail.example.org", enable_tls=False)
    results = send(mailer)
    ((host, port, factory),) = reactor.connections
    assert (host, port) == ("mail.example.org", 25)
    said = talk(
        factory, b"220 hello", b"250-mail\r\n250 STARTTLS", b"250 ok", b"250 ok", b"354 go", b"250 queued", b"221 bye"
    )
    assert results == [(1, [(b"bob@example.org", 250, b"queued")])] or not isinstance(results[0], Failure)
    assert b"MAIL FROM:<noreply@example.org>" in said and b"RCPT TO:<bob@example.org>" in said
    assert b"STARTTLS\r\n" not in said
    message = email.message_from_bytes(said[said.index(b"Content-Type: multipart") : said.rindex(b"\r\n.\r\n")])
    assert message.get_content_type() == "multipart/alternative"
    parts = [(part.get_content_type(), part.get_payload(decode=True).decode()) for part in message.get_payload()]
    assert [(kind, text.strip()) for kind, text in parts] == [("text/plain", "ü"), ("text/html", "<p>ü</p>")]
    assert message["From"] == "App <noreply@example.org>"
    assert message["X-Extra"] == "1"
    assert str(email.header.make_header(email.header.decode_header(message["Subject"]))) == "Grüße"
    assert message["Message-ID"].endswith("@example.org>")


def test_an_address_that_is_none():
    mailer, _ = handler()
    for address in ("", "nobody", "a@b@", "a b@c"):
        (failure,) = send(mailer, address)
        assert isinstance(failure.value, RuntimeError)
    mailer, _ = handler(notif_from=None)
    (failure,) = send(mailer)
    assert isinstance(failure.value, RuntimeError)


def test_tls_from_the_start():
    mailer, reactor = handler(force_tls=True, smtp_host="mail.example.org")
    send(mailer)
    ((_, port, factory),) = reactor.connections
    assert port == 465 and isinstance(factory, TLSMemoryBIOFactory)


def test_what_must_be_secure_and_is_not_fails():
    mailer, reactor = handler(require_transport_security=True, smtp_user="u", smtp_pass="p")
    results = send(mailer)
    ((_, _, factory),) = reactor.connections
    said = talk(factory, b"220 hello", b"250 no such thing")
    assert b"AUTH" not in said
    assert isinstance(results[0], Failure)


def test_a_server_that_cannot_be_reached():
    mailer, reactor = handler()
    results = send(mailer)
    ((_, _, factory),) = reactor.connections
    factory.clientConnectionFailed(None, Failure(OSError("refused")))
    assert results[0].check(SMTPConnectError)


def test_a_sender_without_a_place_for_the_name():
    mailer, reactor = handler(notif_from="100% us <a@example.org>")
    send(mailer)
    assert reactor.connections


@pytest.mark.parametrize("lost", [True, False])
def test_a_connection_that_is_lost(lost):
    mailer, reactor = handler()
    results = send(mailer)
    ((_, _, factory),) = reactor.connections
    talk(factory, b"220 hello") if lost else None
    factory.clientConnectionLost(None, Failure(OSError("gone")))
    assert isinstance(results[0], Failure)
