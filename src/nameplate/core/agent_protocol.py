"""How an agent and the API understand and trust each other, above TLS.

Both know the token of one server: the agent its text, the API its SHA-256. Every answer is signed with a key
made of that digest and covers the agent's nonce, so that an answer to another token or an earlier
question is none. The agent's own copy is sealed with a key made of the text, which is kept nowhere else.
"""

import hashlib
import hmac
import re

from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret

OLDEST, NEWEST = 1, 3
"""The versions of the protocol that this Nameplate speaks, as agent and as API.

What is new in a version says the table of `usecases.serving.agent_versions`.
"""
DIRECT_LOOKS = 2
"""The version since which an agent can be told to look at applications by themselves."""
PROTOCOL_HEADER = "Nameplate-Agent-Protocol"
"""Of a request: the oldest and the newest version that the agent speaks, as in `1-1`; of an answer: the
one that it is in."""
NONCE_HEADER = "Nameplate-Agent-Nonce"
SIGNATURE_HEADER = "Nameplate-Agent-Signature"
STATE_PATH = "/agent/state"
REPORT_PATH = "/agent/report"
CHALLENGE_PATH = "/agent/challenge"
POLL_SECONDS = 25.0
"""How long a question for news waits."""
REPORT_SECONDS = 20.0
"""How often an agent reports when nothing is new."""
SILENT_SECONDS = 75.0
"""After which an agent counts as silent."""
MAX_REPORT = 4 * 2**20
"""Octets of a report."""
REVOKED_CODE = "agent_token_revoked"

_NONCE = re.compile(r"[0-9a-f]{32}")
_RANGE = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")


def spoken() -> str:
    """Return the versions that are spoken here, for the header."""
    return f"{OLDEST}-{NEWEST}"


def common(theirs: str) -> int:
    """Return the newest version that both speak.

    Raises Invalid `agent_protocol_malformed`, Refused `agent_protocol_unsupported`.
    """
    found = _RANGE.fullmatch(theirs)
    if found is None:
        raise Invalid(
            "agent_protocol_malformed",
            f"Send the versions that the agent speaks, as in `{PROTOCOL_HEADER}: {spoken()}`.",
        )
    oldest, newest = int(found[1]), int(found[2])
    if oldest > NEWEST or newest < OLDEST:
        older, newer = ("agent", "API") if newest < OLDEST else ("API", "agent")
        raise Refused(
            "agent_protocol_unsupported",
            f"The agent speaks the protocol versions {oldest} to {newest}, the API {OLDEST} to {NEWEST}. "
            f"Upgrade the {older} to the version of the {newer}.",
        )
    return min(newest, NEWEST)


def is_nonce(text: str) -> bool:
    """Tell whether a text has the form of an agent's nonce."""
    return _NONCE.fullmatch(text) is not None


def answer_key(token_digest: str) -> bytes:
    """Return the key by which answers to a token are signed, from the token's SHA-256 (hex)."""
    return hmac.digest(bytes.fromhex(token_digest), b"nameplate agent answers v1", hashlib.sha256)


def copy_key(token: Secret) -> bytes:
    """Return the key of 32 bytes by which the agent's own copy is sealed, from the token's text."""
    return hmac.digest(token.reveal().encode(), b"nameplate agent copy v1", hashlib.sha256)


def signature(key: bytes, nonce: str, status: int, body: bytes) -> str:
    """Return the signature of an answer: its status, its body, and the question that it answers."""
    head = f"{nonce}\n{status}\n".encode()
    return hmac.new(key, head + body, hashlib.sha256).hexdigest()


def is_signed(key: bytes, nonce: str, status: int, body: bytes, presented: str) -> bool:
    """Tell whether an answer is signed by who knows the token; takes as long for any signature."""
    return hmac.compare_digest(
        signature(key, nonce, status, body).encode(), presented.encode("utf-8", "replace")
    )
