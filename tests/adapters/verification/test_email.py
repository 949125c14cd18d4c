"""To whom codes go, and what the messages say."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import pytest
from tests.servers.mailbox import MailServer as Mailbox
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.smtp import MailServer, SmtpMailer
from nameplate.adapters.verification.email import MAILBOXES, Email, plugin
from nameplate.core import configuration
from nameplate.core.egress import EgressPolicy
from nameplate.ports.mail import Mailer
from nameplate.ports.verification import Outside, ProofScope, Verdict

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
NAME = "shop.example.com"
TOKEN = "k7" * 20
CONTACT = "_validation-contactemail.example.com"
FIVE = tuple(f"{mailbox}@example.com" for mailbox in MAILBOXES)


class Unused:
    """A mailer that nothing is sent by."""

    def send(self, letter):
        raise AssertionError(letter)


@contextmanager
def email(table=None, mailer: Mailer | None = None) -> Iterator[Email]:
    with ScriptedDns(replies(table or {})) as dns:
        known = {"example.com": [("ns1", "127.0.0.1", dns.port)]}
        resolver = AuthoritativeResolver(LOOPBACK, overrides=known, seconds=1)
        yield Email(resolver, mailer or Unused())


@pytest.mark.parametrize("name", ["example.com", NAME, "a.b.c.example.com"])
def test_five_constructed_addresses(name):
    with email() as method:
        postbox = method.postbox(name)
    assert (postbox.home, postbox.limited_as, postbox.recipients) == (
        "example.com",
        "example.com",
        FIVE,
    )


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("me.github.io", "me.github.io"),
        ("a.b.me.github.io", "me.github.io"),
        ("shop.example.co.uk", "example.co.uk"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("www.example.test", "example.test"),
    ],
)
def test_the_name_whose_owner_is_asked(name, home):
    with email() as method:
        told = method.instruct(name, TOKEN)
    assert told.all("address") == [f"{mailbox}@{home}" for mailbox in MAILBOXES]
    assert told.kind == "email"
    assert TOKEN not in f"{told.fields}{told.sentence}"


@pytest.mark.parametrize(
    "table",
    [
        {(CONTACT, "TXT"): ['"DNS-Owner+x@contact.example.net"']},
        {("example.com", "CAA"): ['0 contactemail "DNS-Owner+x@contact.example.net"']},
        {("example.com", "CAA"): ['0 issue "x.example"', '0 contactemail "DNS-Owner+x@contact.example.net"']},
        {(CONTACT, "TXT"): ['"DNS-Owner+x@contact.example.net"'], ("example.com", "CAA"): ['0 contactemail "b@x.example"']},
    ],
    ids=["TXT", "CAA", "CAA beside others", "TXT first"],
)  # fmt: skip
def test_the_contact_that_the_zone_names(table):
    with email(table) as method:
        postbox = method.postbox(NAME)
    assert postbox.recipients == ("DNS-Owner+x@contact.example.net",)
    assert postbox.limited_as == "dns-owner+x@contact.example.net"


@pytest.mark.parametrize(
    "contact",
    [
        "postmaster@[127.0.0.1]",
        "postmaster@127.0.0.1",
        '\\"quoted local\\"@example.net',
        "a@b@example.net",
        "a b@example.net",
        "a,b@example.net",
        "a@example.net, c@example.net",
        "<a@example.net>",
        "a@example.net\\013\\010Bcc: all@example.net",
        "@example.net",
        "a@",
        "a@localhost",
        "a@com",
        ".a@example.net",
        "a..b@example.net",
        "a%b@example.net",
        "a@b\\195\\188cher.example",
        "\\195\\188@example.net",
        f"{'a' * 65}@example.net",
        "nothing",
    ],
)
def test_contacts_that_are_no_plain_address(contact):
    with email({(CONTACT, "TXT"): [f'"{contact}"']}) as method:
        assert method.postbox(NAME).recipients == FIVE


@pytest.mark.parametrize(
    ("organization", "shown"),
    [
        ("Acme GmbH & Co", '"Acme GmbH & Co"'),
        ("Bücher-Haus", '"Bücher-Haus"'),
        ("Evil\r\nBcc: all@example.net", '"Evil Bcc all example net"'),
        ("Pay at https://evil.example/login?x=1", '"Pay at https evil example login x 1"'),
        ("www.evil.example", '"www evil example"'),
        ("\u202egnp.exe\u200b", '"gnp exe"'),
        ('" <b>bold</b> "', '"b bold b"'),
        ("x" * 300, f'"{"x" * 40}"'),
        ("...", '"without a name"'),
        ("{code} %s", '"code s"'),
    ],
)
def test_of_the_organization_only_plain_words_are_shown(organization, shown):
    with Mailbox() as mailbox:
        place = MailServer(
            host="127.0.0.1", port=mailbox.port, security="none", sender="np@platform.example"
        )
        with email(mailer=SmtpMailer(place)) as method:
            method.send(method.postbox(NAME), NAME, TOKEN, "abcd-efgh", organization)
        assert mailbox.count == 1
        arrived = mailbox.arrived("admin@example.com")
    assert f"The organization {shown} asks to use {NAME}" in arrived
    headers = arrived.partition("\n\n")[0]
    assert "Bcc" not in headers
    assert "abcd-efgh" not in headers
    assert "http://" not in arrived
    assert "https://" not in arrived


def test_what_is_published_proves_nothing():
    with email({(CONTACT, "TXT"): [TOKEN]}) as method:
        proof = method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "mail_unconfirmed")
    assert Email.scope is ProofScope.EXACT


def test_it_is_off_until_the_operator_wants_it():
    without, with_mail = Outside(None, None), Outside(None, None, (), Unused())  # type: ignore[arg-type]  # nothing is looked at
    off = configuration.load(plugin.configuration, {})
    enabled = configuration.load(plugin.configuration, {"enabled": True})
    assert plugin.lacks(off, with_mail) == "enable it in `NAMEPLATE_PROOF_METHODS`"
    assert plugin.lacks(enabled, without) == "set up a mail server"
    assert plugin.lacks(enabled, with_mail) is None
    assert plugin.connect(enabled, with_mail).instruct(NAME, TOKEN).sentence
