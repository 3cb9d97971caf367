"""The conversation with a mail server, one step at a time."""

import socket

import pytest
from aiosmtpd.smtp import AuthResult

from config.work import faults, smtp
from tests.surveys.conftest import Sink, _Controller, free_port

MAIL = {
    "sender": "a@tend.example",
    "recipient": "b@customer.example",
    "raw": b"Subject: x\r\n\r\n.dot\r\nend",
}


def test_small_writes_are_not_held_back(transport):
    assert transport.deliver(**MAIL, before_dot=lambda: True).result == smtp.Result.ACCEPTED
    option = transport._server.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert option != 0


def test_the_text_arrives_unchanged_with_its_leading_dots(transport, sink):
    transport.deliver(**MAIL, before_dot=lambda: True)
    assert sink.taken[0].raw == b"Subject: x\r\n\r\n.dot\r\nend\r\n"


def test_nothing_is_delivered_when_the_write_ahead_says_no_or_fails(transport, sink):
    assert transport.deliver(**MAIL, before_dot=lambda: False).result == smtp.Result.STOPPED

    def broken():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transport.deliver(**MAIL, before_dot=broken)
    assert sink.taken == []
    assert transport.deliver(**MAIL, before_dot=lambda: True).result == smtp.Result.ACCEPTED
    assert len(sink.taken) == 1


def test_one_connection_carries_a_hundred_mails_and_not_more(transport):
    seen = set()
    for _ in range(101):
        transport.deliver(**MAIL, before_dot=lambda: True)
        seen.add(transport._server.sock.getsockname())
    assert len(seen) == 2


def test_a_server_that_went_away_between_two_mails_is_called_again(transport, sink):
    transport.deliver(**MAIL, before_dot=lambda: True)
    transport._server.sock.shutdown(socket.SHUT_RDWR)
    lost = transport.deliver(**MAIL, before_dot=lambda: True)
    assert (lost.result, lost.counts) == (smtp.Result.UNREACHABLE, False)
    assert transport.deliver(**MAIL, before_dot=lambda: True).result == smtp.Result.ACCEPTED
    assert len(sink.taken) == 2


def test_a_refused_login_is_told_from_a_missing_server(settings):
    class Guarded(_Controller):
        def factory(self):
            from aiosmtpd.smtp import SMTP

            return SMTP(
                self.handler,
                authenticator=lambda *_args: AuthResult(success=False, handled=False),
                auth_require_tls=False,
                auth_required=True,
            )

    controller = Guarded(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    config = {"host": "127.0.0.1", "port": controller.port, "tls": False, "starttls": False}
    try:
        wrong = smtp.SmtpTransport({**config, "user": "u", "password": "p"})
        outcome = wrong.deliver(**MAIL, before_dot=lambda: True)
        assert (outcome.result, outcome.code, outcome.counts) == (smtp.Result.LOGIN, 535, False)
    finally:
        controller.stop()
    nobody = smtp.SmtpTransport({**config, "user": "", "password": ""})
    assert nobody.deliver(**MAIL, before_dot=lambda: True).result == smtp.Result.UNREACHABLE


def test_failpoints_do_nothing_without_the_chaos_profile(monkeypatch):
    monkeypatch.setenv("FAULTS", "mail.after_claim=raise")
    monkeypatch.delenv("CHAOS", raising=False)
    faults.fault("mail.after_claim")
    monkeypatch.setenv("CHAOS", "1")
    with pytest.raises(faults.InjectedFaultError):
        faults.fault("mail.after_claim")
