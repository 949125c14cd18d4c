"""What an agent asks the API: state, reports, challenges; and what it believes of the answers."""

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from nameplate.core import agent_protocol as protocol
from nameplate.core import tokens, value_codec
from nameplate.core.addresses import is_address
from nameplate.core.errors import Invalid, NotPermitted, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentReport, AgentState


class Revoked(NotPermitted):
    """The API says, signed with the token, that it accepts the token no more."""


class HttpReply(Protocol):
    """One answer."""

    @property
    def status(self) -> int:
        """Its HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its fields, their names in lower case."""
        ...

    @property
    def body(self) -> bytes:
        """Its content."""
        ...


class HttpApi(Protocol):
    """The API by HTTP. Threads may share it. Raises `Unavailable`."""

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, Secret | str] | None = None,
    ) -> HttpReply:
        """Send one request and return the answer, whatever its status."""
        ...


class AgentChannel:
    """The API as one agent may use it. Threads may share it.

    Methods raise `Unavailable` when the API is away or answers something that is not its own, `Revoked`,
    and `Refused` with the API's own words.
    """

    def __init__(self, api: HttpApi, token: Secret) -> None:
        """Speak for the server of the token. Raises Invalid `token_malformed`."""
        self._api = api
        self._token = token
        self._key = protocol.answer_key(tokens.parse_api_token(token.reveal()).digest)

    def state(self, after: int) -> AgentState | None:
        """Return the state when it is another than that revision, None when there is none in time.

        Raises Refused `state_malformed` for one that this agent does not understand in all its parts.
        """
        status, body = self._ask("GET", protocol.STATE_PATH, {"after": str(after)})
        if status == HTTPStatus.NO_CONTENT:
            return None
        if status != HTTPStatus.OK:
            raise Unavailable("agent_api_failed", "The API has no states for agents. Upgrade it.")
        return read_state(body)

    def report(self, told: AgentReport) -> None:
        """Say what really runs."""
        written = json.dumps(value_codec.encoded(told), separators=(",", ":")).encode()
        self._ask("POST", protocol.REPORT_PATH, body=written)

    def challenge(self, host: str, sent: str) -> str | None:
        """Return the answer to an http-01 challenge, None when there is none."""
        status, body = self._ask("GET", protocol.CHALLENGE_PATH, {"host": host, "token": sent})
        return body.decode("ascii", "replace") if status == HTTPStatus.OK else None

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, bytes]:
        """Return status and body of a good answer, which is signed for this very question."""
        nonce = secrets.token_hex(16)
        headers: dict[str, Secret | str] = {
            "Authorization": Secret(f"Bearer {self._token.reveal()}"),
            protocol.PROTOCOL_HEADER: protocol.spoken(),
            protocol.NONCE_HEADER: nonce,
        }
        reply = self._api.request(method, path, content=body, params=params, headers=headers)
        presented = reply.headers.get(protocol.SIGNATURE_HEADER.lower(), "")
        if not protocol.is_signed(self._key, nonce, reply.status, reply.body, presented):
            raise _unsigned(reply.status)
        if reply.status in _ANSWERS:
            return reply.status, reply.body
        code, detail = _problem(reply.body)
        if code == protocol.REVOKED_CODE:
            raise Revoked("agent_token_revoked", detail)
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable("agent_api_failed", f"{detail} [{code}]")
        raise Refused("agent_refused", f"The API refuses the agent: {detail} [{code}]")


_ANSWERS = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})


def read_state(body: bytes) -> AgentState:
    """Return the state that a document describes. Raises Refused `state_malformed`."""
    try:
        return value_codec.decoded(AgentState, json.loads(body))
    except (ValueError, RecursionError):
        raise Refused("state_malformed", "What the API sent is not JSON.") from None
    except value_codec.Unreadable as error:
        raise Refused(
            "state_malformed",
            f"The state cannot be read: {error.detail} The API may be newer than this agent: upgrade it.",
        ) from None


def _unsigned(status: int) -> Unavailable:
    if status == HTTPStatus.UNAUTHORIZED:
        return Unavailable(
            "agent_token_unknown",
            "The API does not know the token. Check `NAMEPLATE_TOKEN`: it must be one that "
            "`nameplate token add NAME --server SERVER` has printed.",
        )
    return Unavailable(
        "answer_unsigned",
        f"An answer with HTTP status {status} is not signed for this agent's token, so it is not "
        "believed. Check that the URL leads to the API, and that nothing in between changes answers.",
    )


def _problem(body: bytes) -> tuple[str, str]:
    try:
        found: Any = json.loads(body)
        return str(found["code"]), str(found["detail"])
    except (ValueError, KeyError, TypeError):
        return "answer_malformed", "The API refused without a reason."


def check_url(url: str) -> str:
    """Return the URL of an API that private keys may come from.

    Raises Invalid `api_url_insecure` for one without TLS, unless it is on this machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_here = host == "localhost" or (is_address(host) and host in {"127.0.0.1", "::1"})
    if parts.scheme != "https" and not is_here:
        raise Invalid(
            "api_url_insecure",
            "Private keys come from the API, so an agent asks it by HTTPS only. Set `NAMEPLATE_API_URL` "
            "to an `https://` URL.",
        )
    return url
