"""Mail, by the section `email` of the configuration."""

from __future__ import annotations

import email.utils
import logging
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from io import BytesIO
from typing import Any, Dict, Optional

from twisted.internet import defer, ssl
from twisted.mail.smtp import ESMTPSender, ESMTPSenderFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

logger = logging.getLogger(__name__)


class _PlainSender(ESMTPSender):
    """A sender that does not take up an offer of TLS."""

    def _getContextFactory(self) -> None:
        return None


class _PlainSenderFactory(ESMTPSenderFactory):
    protocol = _PlainSender


class SendEmailHandler:
    """Sends mails."""

    def __init__(self, hs: Any) -> None:
        self.hs = hs
        self._config = hs.config.email
        self._reactor = hs.get_reactor()

    async def send_email(
        self,
        email_address: str,
        subject: str,
        app_name: str,
        html: str,
        text: str,
        additional_headers: Optional[Dict[str, str]] = None,
    ) -> None:
        """Sends a mail with two forms of its text. Raises `RuntimeError` for an address that is none."""
        to_address = email.utils.parseaddr(email_address or "")[1]
        if not _is_address(to_address):
            raise RuntimeError("Invalid 'to' address")
        sender = self._sender(app_name)
        from_address = email.utils.parseaddr(sender)[1]
        if not _is_address(from_address):
            raise RuntimeError("Invalid 'from' address: set notif_from in the section email of the configuration")
        message = compose(sender, email_address, subject, html, text, self.hs.hostname, additional_headers)
        logger.info("Sending email to %s", email_address)
        await self._send(from_address, to_address, message)

    def _sender(self, app_name: str) -> str:
        sender = self._config.email_notif_from
        if not sender:
            raise RuntimeError("Mail cannot be sent: the section email of the configuration has no notif_from")
        try:
            return sender % {"app": app_name}
        except (TypeError, ValueError, KeyError):
            return sender

    def _send(self, from_address: str, to_address: str, message: bytes) -> "defer.Deferred[Any]":
        config = self._config
        done: "defer.Deferred[Any]" = defer.Deferred()
        user = config.email_smtp_user
        password = config.email_smtp_pass
        make = ESMTPSenderFactory if config.enable_smtp_tls else _PlainSenderFactory
        factory: Any = make(
            user.encode("utf-8") if user else None,
            password.encode("utf-8") if password else None,
            from_address,
            to_address,
            BytesIO(message),
            done,
            retries=0,
            timeout=60,
            heloFallback=True,
            requireAuthentication=bool(user),
            requireTransportSecurity=bool(config.require_transport_security),
            hostname=config.email_tlsname,
        )
        host, port = config.email_smtp_host, config.email_smtp_port
        if config.force_tls:
            options = ssl.optionsForClientTLS(config.email_tlsname)
            factory = TLSMemoryBIOFactory(options, isClient=True, wrappedFactory=factory)
        self._reactor.connectTCP(host, port, factory, timeout=30)
        return done


def compose(
    sender: str,
    recipient: str,
    subject: str,
    html: str,
    text: str,
    server_name: str,
    additional_headers: Optional[Dict[str, str]] = None,
) -> bytes:
    """A mail whose reader shows the text or the HTML."""
    message = MIMEMultipart("alternative")
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = email.utils.formatdate()
    message["Message-ID"] = email.utils.make_msgid(domain=server_name.split(":")[0])
    # Automatic answers (out of office) are not wanted: RFC 3834.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    for name, value in (additional_headers or {}).items():
        message[name] = value
    message.attach(MIMEText(text, "plain", "utf-8"))
    message.attach(MIMEText(html, "html", "utf-8"))
    return message.as_bytes()


def _is_address(address: str) -> bool:
    localpart, _, domain = address.rpartition("@")
    return bool(localpart and domain) and not any(character.isspace() for character in address)
