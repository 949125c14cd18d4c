"""Proof by a code that is sent to the owners of the name: control of exactly that host."""

import hashlib
import re
from dataclasses import dataclass

from nameplate.core import names
from nameplate.core.configuration import setting
from nameplate.core.errors import Invalid
from nameplate.core.instructions import Instruction
from nameplate.ports.mail import Delivery, Letter, Mailer
from nameplate.ports.resolver import AnswerKind, Resolver
from nameplate.ports.verification import (
    Outside,
    Postbox,
    Proof,
    ProofMethodPlugin,
    ProofScope,
    Verdict,
)

KIND = "email"
MAILBOXES = ("admin", "administrator", "webmaster", "hostmaster", "postmaster")
"""The constructed addresses of the Baseline Requirements, section 3.2.2.4.4."""
CONTACT_LABEL = "_validation-contactemail"
"""Where a zone names its contact (Baseline Requirements, appendix A.2.1)."""
_CAA = re.compile(r'\d+ contactemail "([^"\\]*)"', re.IGNORECASE)
"""The same in a CAA record (appendix A.1.2)."""
_REFERENCE = 8
_LOCAL_PART = re.compile(r"[A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64})*")
_MAX_LOCAL_PART = 64
_NOT_SHOWN = re.compile(r"[^\w &'-]+")
_MAX_ORGANIZATION = 40
_TEXT = """\
{organization} asks to use {name} and says that it is theirs.

If you agree, give them this code. It proves {name} for them, and nothing else:

    {code}

It can be used for 24 hours. The request has the reference {reference}.
If you do not know them, do nothing: without the code they get nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfiguration:
    """Whether mail proves anything."""

    enabled: bool = setting(
        "Whether names can be proved by mail. Whoever reads the owner's mail can prove the name.",
        default=False,
    )


class Email:
    """Mail goes to the contact that the zone names, else to five addresses that only owners have.

    Nobody but the zone's owner chooses them. They are at the registrable name: below a name that was
    forgotten somebody else may receive mail.
    """

    scope = ProofScope.EXACT

    def __init__(self, resolver: Resolver, mailer: Mailer) -> None:
        self._resolver = resolver
        self._mailer = mailer

    def instruct(self, name: str, token: str) -> Instruction:
        """Return to whom the code goes and how to enter it. Pure."""
        home = _home(name)
        addresses = tuple(("address", f"{mailbox}@{home}") for mailbox in MAILBOXES)
        contact = ("contact", f"{CONTACT_LABEL}.{home}")
        return Instruction(
            KIND,
            (*addresses, contact, ("reference", reference(token))),
            f"Ask whoever reads the mail of {home} for the code of the message with the reference "
            f"{reference(token)}, and confirm the verification with it. The message goes to the "
            f"contact that the zone names at {CONTACT_LABEL}.{home} or by CAA, else to "
            f"{', '.join(MAILBOXES)} at {home}.",
        )

    def check(self, name: str, token: str) -> Proof:  # noqa: ARG002 - the port's signature
        """Say that a code must be entered: what is published proves nothing here."""
        return Proof(Verdict.ABSENT, "mail_unconfirmed", "The code was not entered yet.")

    def postbox(self, name: str) -> Postbox:
        """Return where the owner's mail goes, as the DNS says now."""
        home = _home(name)
        asked = ((f"{CONTACT_LABEL}.{home}", "TXT"), (home, "CAA"))
        for place, rdtype in asked:
            contact = self._contact(place, rdtype)
            if contact is not None:
                return Postbox(home, contact.lower(), (contact,), asked)
        constructed = tuple(f"{mailbox}@{home}" for mailbox in MAILBOXES)
        return Postbox(home, home, constructed, asked)

    def _contact(self, name: str, rdtype: str) -> str | None:
        """Return the first address that all name servers agree on."""
        finding = self._resolver.authoritative(name, rdtype)
        if not finding.unanimous or finding.answers[0].kind is not AnswerKind.DATA:
            return None
        values = finding.answers[0].values
        if rdtype == "CAA":
            values = tuple(found[1] for one in values if (found := _CAA.fullmatch(one)))
        return next(filter(_is_plain, values), None)

    def send(self, postbox: Postbox, name: str, token: str, code: str, sender: str) -> Delivery:
        """Send the code; of the organization `sender` only plain words of its name are shown."""
        organization = " ".join(_NOT_SHOWN.sub(" ", sender).split())[:_MAX_ORGANIZATION]
        text = _TEXT.format(
            organization=f'The organization "{organization or "without a name"}"',
            name=name,
            code=code,
            reference=reference(token),
        )
        subject = f"Code for {name} ({reference(token)})"
        return self._mailer.send(Letter(postbox.recipients, subject, text))


def reference(token: str) -> str:
    """Return what tells one request from another, and nothing about its code."""
    return hashlib.sha256(f"reference {token}".encode()).hexdigest()[:_REFERENCE]


def _home(name: str) -> str:
    """Return the name whose owner is asked: one label below the longest public suffix."""
    found = names.parse(name, private_suffix=True, special_use=True)
    suffix = found.private_suffix
    if suffix is None:
        return found.registrable
    return next(
        (one for one in names.self_and_ancestors(found.name) if names.parent(one) == suffix),
        found.name,
    )


def _is_plain(address: str) -> bool:
    """Tell whether an address is a mailbox at a host: no quotes, no literal, no other characters."""
    local, _, host = address.rpartition("@")
    if len(local) > _MAX_LOCAL_PART or not _LOCAL_PART.fullmatch(local) or not host.isascii():
        return False
    try:
        return names.parse(host, special_use=True).name == host.lower()
    except Invalid:
        return False


def _connected(_config: EmailConfiguration, outside: Outside) -> Email:
    if outside.mailer is None:  # `lacks` has said so before
        raise ValueError("no mail server")
    return Email(outside.resolver, outside.mailer)


def _lacking(config: EmailConfiguration, outside: Outside) -> str | None:
    if not config.enabled:
        return "enable it in `NAMEPLATE_PROOF_METHODS`"
    return None if outside.mailer is not None else "set up a mail server"


plugin = ProofMethodPlugin(
    title="Code by mail", configuration=EmailConfiguration, connect=_connected, lacks=_lacking
)
