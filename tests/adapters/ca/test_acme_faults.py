"""The ACME adapter against answers that no well-behaved server gives."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.adapters.ca.hostile import CUT, HostileAuthority, Reply, problem

from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.ca.local import create_root
from nameplate.adapters.ca.problems import retry_after
from nameplate.core import certificates, keys
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.orders import Order, OrderStatus
from nameplate.core.renewal import RenewalInfo

KEY = keys.new_key()
TOKEN = "a" * 43


@pytest.fixture
def server() -> Iterator[HostileAuthority]:
    with HostileAuthority() as running:
        yield running


@pytest.fixture
def authority(server: HostileAuthority) -> AcmeAuthority:
    return AcmeAuthority(f"{server.base}/dir", KEY, f"{server.base}/account/1")


def good_order(server: HostileAuthority, **fields: Any) -> dict[str, Any]:
    return {
        "status": "pending",
        "identifiers": [{"type": "dns", "value": "a.example"}],
        "authorizations": [f"{server.base}/authz"],
        "finalize": f"{server.base}/finalize",
        "expires": "2030-01-01T00:00:00Z",
        **fields,
    }


def good_authz(server: HostileAuthority, **fields: Any) -> dict[str, Any]:
    challenge = {"type": "http-01", "url": f"{server.base}/chall", "token": TOKEN}
    return {
        "status": "pending",
        "identifier": {"type": "dns", "value": "a.example"},
        "challenges": [{**challenge, **fields}],
    }


def test_the_fixture_itself_is_a_good_server(
    server: HostileAuthority, authority: AcmeAuthority
) -> None:
    server.replies["/newOrder"] = lambda _: Reply(
        201, good_order(server), {"Location": f"{server.base}/order/1"}
    )
    server.replies["/authz"] = lambda _: Reply(200, good_authz(server))
    order = authority.order(["a.example"])
    assert order.challenges[0].key_authorization.startswith(TOKEN + ".")
    assert order.expires_at == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502</html>",
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"status": "strange"}',
        b'{"status": 3}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"status": "pending"}',
        b'{"status": "pending", "identifiers": "x", "authorizations": 1}',
        b'{"status": "pending", "identifiers": [{"type": "dns"}], "authorizations": []}',
        b'{"status": "ready", "identifiers": [], "authorizations": [], "expires": "never"}',
        b'{"status": "pending", "identifiers": [], "authorizations": ["/relative"]}',
        b'{"status": "pending", "identifiers": [], "authorizations": ["ftp://a/b"]}',
        b'{"status": "pending", "identifiers": [], "authorizations": [7]}',
        b'{"status": "pending", "identifiers": [], "authorizations": ["http://["]}',
    ],
)
def test_strange_orders(server: HostileAuthority, authority: AcmeAuthority, body: bytes) -> None:
    server.replies["/order"] = lambda _: Reply(200, body)
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "ca_answer_malformed"


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "../../etc"},
        {"token": '<script>"'},
        {"token": 5},
        {"token": "short"},
        {"token": "../../etc", "type": "tls-alpn-01"},
        {"token": TOKEN + "\n", "type": "tls-alpn-01"},
        {"token": None, "type": "tls-alpn-01"},
        {"url": "relative"},
        {"url": None},
        {"type": []},
    ],
)
def test_strange_challenges(
    server: HostileAuthority, authority: AcmeAuthority, fields: dict[str, Any]
) -> None:
    server.replies["/order"] = lambda _: Reply(200, good_order(server))
    server.replies["/authz"] = lambda _: Reply(200, good_authz(server, **fields))
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "ca_answer_malformed"


def test_unknown_kinds_of_challenge_are_left_out(
    server: HostileAuthority, authority: AcmeAuthority
) -> None:
    authz = good_authz(server)
    authz["challenges"].append({"type": "dns-persist-01", "url": f"{server.base}/x"})
    server.replies["/order"] = lambda _: Reply(200, good_order(server))
    server.replies["/authz"] = lambda _: Reply(200, authz)
    order = authority.refresh(f"{server.base}/order")
    assert [challenge.type for challenge in order.challenges] == ["http-01"]


def test_endless_answer(server: HostileAuthority, authority: AcmeAuthority) -> None:
    body = json.dumps(good_order(server, status="ready")).encode()
    server.replies["/order"] = lambda _: Reply(200, body + b" " * 1024 * 1024)
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "ca_answer_malformed"
    server.replies["/order"] = lambda _: Reply(200, body)
    assert authority.refresh(f"{server.base}/order").status is OrderStatus.READY


def test_missing_location(server: HostileAuthority, authority: AcmeAuthority) -> None:
    server.replies["/newOrder"] = lambda _: Reply(201, good_order(server))
    with pytest.raises(Unavailable) as caught:
        authority.order(["a.example"])
    assert caught.value.code == "ca_answer_malformed"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400])
def test_answers_that_are_not_acme(
    server: HostileAuthority, authority: AcmeAuthority, status: int
) -> None:
    """Redirects are not followed: a signed request goes where it was signed for."""
    server.replies["/other"] = lambda _: Reply(200, good_order(server, status="ready"))
    server.replies["/order"] = lambda _: Reply(status, b"", {"Location": f"{server.base}/other"})
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "ca_answer_malformed"


def test_lost_answer_to_finalize(server: HostileAuthority, authority: AcmeAuthority) -> None:
    """The certificate may exist or not: the order tells, and the same order is finalized again."""
    server.replies["/order"] = lambda _: Reply(200, good_order(server, status="ready"))
    order = authority.refresh(f"{server.base}/order")
    request = certificates.csr(KEY, ["a.example"])
    server.replies["/finalize"] = lambda _: Reply(CUT)
    with pytest.raises(Unavailable) as caught:
        authority.finalize(order, request)
    assert caught.value.code == "ca_unreachable"
    server.replies["/finalize"] = lambda _: problem("orderNotReady")
    server.replies["/order"] = lambda _: Reply(200, good_order(server, status="valid"))
    assert authority.finalize(order, request).status is OrderStatus.VALID


def test_nobody_listens() -> None:
    with pytest.raises(Unavailable) as caught:
        AcmeAuthority("http://127.0.0.1:9/dir", KEY, "http://127.0.0.1:9/1").order(["a.example"])
    assert caught.value.code == "ca_unreachable"


TRY_LATER = [
    (problem("rateLimited", 429, headers={"Retry-After": "60"}), RateLimited, "rate_limited", 60),
    (problem("rateLimited", 403), RateLimited, "rate_limited", None),
    (Reply(429, b"slow down"), RateLimited, "rate_limited", None),
    (Reply(503, b"<html>", {"Retry-After": "5"}), Unavailable, "unavailable", 5),
    (problem("serverInternal", 500), Unavailable, "unavailable", None),
]


@pytest.mark.parametrize("case", TRY_LATER)
def test_try_later(
    server: HostileAuthority,
    authority: AcmeAuthority,
    case: tuple[Reply, type[Unavailable], str, int | None],
) -> None:
    reply, kind, code, seconds = case
    server.replies["/newOrder"] = lambda _: reply
    with pytest.raises(kind) as caught:
        authority.order(["a.example"])
    assert type(caught.value) is kind
    assert caught.value.code == f"acme_{code}"
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert caught.value.retry_after == wanted


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("rejectedIdentifier", "acme_rejected_identifier"),
        ("userActionRequired", "acme_user_action_required"),
        ("accountDoesNotExist", "acme_account_does_not_exist"),
        ("unauthorized", "acme_unauthorized"),
        ("badCSR", "acme_bad_csr"),
        ("caa", "acme_caa"),
    ],
)
def test_refusals(server: HostileAuthority, authority: AcmeAuthority, kind: str, code: str) -> None:
    server.replies["/newOrder"] = lambda _: problem(kind)
    with pytest.raises(Refused) as caught:
        authority.order(["a.example"])
    assert caught.value.code == code


def test_subproblems_name_the_bad_host(server: HostileAuthority, authority: AcmeAuthority) -> None:
    part = {
        "type": "urn:ietf:params:acme:error:rejectedIdentifier",
        "detail": "on the \x1b[31mblock\nlist",
        "identifier": {"type": "dns", "value": "bad.example"},
    }
    server.replies["/newOrder"] = lambda _: problem("rejectedIdentifier", subproblems=[part])
    with pytest.raises(Refused) as caught:
        authority.order(["a.example", "bad.example"])
    assert "bad.example: on the [31mblock list (rejectedIdentifier)" in caught.value.detail


def test_bad_nonces_are_replaced_from_the_error(
    server: HostileAuthority, authority: AcmeAuthority
) -> None:
    answers = iter([*(problem("badNonce", 400) for _ in range(9)), Reply(200, b"null")])
    server.replies["/order"] = lambda _: next(answers)
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "ca_answer_malformed"
    assert [request for request in server.requests if request[0] == "HEAD"] == [
        ("HEAD", "/newNonce")
    ]
    assert len(set(server.used_nonces)) == 10


def test_bad_nonces_for_ever(server: HostileAuthority, authority: AcmeAuthority) -> None:
    server.replies["/order"] = lambda _: problem("badNonce", 400)
    with pytest.raises(Unavailable) as caught:
        authority.refresh(f"{server.base}/order")
    assert caught.value.code == "acme_bad_nonce"
    assert len(server.used_nonces) == 10


def test_answer_without_nonce(server: HostileAuthority, authority: AcmeAuthority) -> None:
    server.replies["/order"] = lambda _: Reply(200, good_order(server, status="ready"), nonce=False)
    for _ in range(2):
        assert authority.refresh(f"{server.base}/order").status is OrderStatus.READY
    assert len(set(server.used_nonces)) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120),
        ("-5", 0),
        ("1000000000000", 7 * 86400),
        ("9" * 30, 7 * 86400),
        ("9" * 5000, None),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30),
        ("Mon, 23 Nov 2020 10:00:30 GMT", 0),
        ("Mon, 23 Nov 9999 10:00:30 GMT", 7 * 86400),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: int | None) -> None:
    headers = {"Retry-After": value, "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}
    wanted = None if expected is None else timedelta(seconds=expected)
    assert retry_after(headers) == wanted


@pytest.mark.parametrize("kind", ["alreadyReplaced", "malformed", "unauthorized"])
def test_a_replacement_that_is_refused_is_told_apart(server: HostileAuthority, kind: str) -> None:
    server.directory["renewalInfo"] = f"{server.base}/ari"
    seen: list[dict[str, Any]] = []

    def new_order(payload: dict[str, Any]) -> Reply:
        seen.append(payload)
        if "replaces" in payload:
            return problem(kind, 409)
        return Reply(201, good_order(server, status="ready"), {"Location": f"{server.base}/1"})

    server.replies["/newOrder"] = new_order
    authority = AcmeAuthority(f"{server.base}/dir", KEY, f"{server.base}/account/1")
    with pytest.raises(Refused) as caught:
        authority.order(["a.example"], replaces="a.b")
    assert caught.value.code == "acme_replacement_refused"
    assert authority.order(["a.example"]).status is OrderStatus.READY
    assert [payload.get("replaces") for payload in seen] == ["a.b", None]


def test_profile_is_sent(server: HostileAuthority) -> None:
    server.directory["meta"] = {"profiles": {"shortlived": "six days"}}
    seen: list[dict[str, Any]] = []

    def new_order(payload: dict[str, Any]) -> Reply:
        seen.append(payload)
        return Reply(201, good_order(server, status="ready"), {"Location": f"{server.base}/1"})

    server.replies["/newOrder"] = new_order
    authority = AcmeAuthority(f"{server.base}/dir", KEY, f"{server.base}/account/1")
    authority.order(["a.example"], profile="shortlived")
    assert seen == [
        {"identifiers": [{"type": "dns", "value": "a.example"}], "profile": "shortlived"}
    ]


def test_renewal_info(server: HostileAuthority) -> None:
    server.directory["renewalInfo"] = f"{server.base}/ari"
    _, root = create_root("x", datetime.now(UTC))
    _, pem = _leaf()
    path = f"/ari/{certificates.renewal_id(pem)}"
    window = {"start": "2026-11-23T10:00:00Z", "end": "2026-11-24T12:00:00+02:00"}
    answer: dict[str, Any] = {"suggestedWindow": window}
    server.replies[path] = lambda _: Reply(200, answer, {"Retry-After": "21600"})
    authority = AcmeAuthority(f"{server.base}/dir", KEY, f"{server.base}/account/1")
    span = (datetime(2026, 11, 23, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, tzinfo=UTC))
    assert authority.renewal_info(pem) == RenewalInfo(span, None, timedelta(hours=6))
    for page, kept in (
        ("https://ca.example/why?q=1", "https://ca.example/why?q=1"),
        ("javascript:alert(1)", None),
        ("https://ca.example/ with words\x1b[31m", None),
        ("https://ca.example/" + "a" * 1000, None),
        ("https://[ca.example/", None),
        (["https://ca.example/"], None),
    ):
        answer["explanationURL"] = page
        found = authority.renewal_info(pem)
        assert found is not None
        assert found.explanation_url == kept, page
    broken: list[dict[str, Any]] = [
        {},
        {"suggestedWindow": {"start": "x"}},
        {"suggestedWindow": {}},
    ]
    server.replies[path] = lambda _: Reply(200, broken.pop())
    while broken:
        with pytest.raises(Unavailable):
            authority.renewal_info(pem)
    assert authority.renewal_info(root) is None


def _leaf() -> tuple[Any, bytes]:
    from nameplate.adapters.ca.local import LocalAuthority

    local = LocalAuthority(*create_root("x", datetime.now(UTC)), clock=lambda: datetime.now(UTC))
    key = keys.new_key()
    order = local.finalize(local.order(["a.example"]), certificates.csr(key, ["a.example"]))
    return key, local.download(order)


@pytest.mark.parametrize("smuggled", ["key", "words", "html", "nothing"])
def test_chain_with_anything_else(
    server: HostileAuthority, authority: AcmeAuthority, smuggled: str
) -> None:
    _, pem = _leaf()
    body = {
        "key": pem + KEY.reveal().encode(),
        "words": b"ssl_certificate /etc/passwd;\n" + pem,
        "html": b"<html></html>",
        "nothing": b"",
    }[smuggled]
    server.replies["/cert"] = lambda _: Reply(200, body)
    order = Order("x", OrderStatus.VALID, ("a.example",), certificate_url=f"{server.base}/cert")
    with pytest.raises(Unavailable) as caught:
        authority.download(order)
    assert caught.value.code == "ca_answer_malformed"


def test_no_key_in_any_message(server: HostileAuthority, authority: AcmeAuthority) -> None:
    server.replies["/newOrder"] = lambda _: problem("unauthorized")
    with pytest.raises(Refused) as caught:
        authority.order(["a.example"])
    shown = f"{caught.value!r} {caught.value.__cause__!r} {authority!r} {vars(authority)!r}"
    assert not any(line in shown for line in KEY.reveal().splitlines()[1:-1])


@pytest.mark.parametrize(
    "trouble", [problem("rateLimited", 429), Reply(503, b"away"), Reply(200, b"<html>"), Reply(CUT)]
)
def test_an_order_is_kept_whose_proofs_cannot_be_read_yet(
    server: HostileAuthority, authority: AcmeAuthority, trouble: Reply
) -> None:
    """Every try made another order."""
    url = f"{server.base}/order/1"
    server.replies["/newOrder"] = lambda _: Reply(201, good_order(server), {"Location": url})
    server.replies["/order/1"] = lambda _: Reply(200, good_order(server))
    server.replies["/authz"] = lambda _: trouble
    order = authority.order(["a.example"])
    assert (order.url, order.status, order.challenges) == (url, OrderStatus.PENDING, ())
    with pytest.raises(Unavailable):
        authority.refresh(order.url)
    server.replies["/authz"] = lambda _: Reply(200, good_authz(server))
    assert len(authority.refresh(order.url).challenges) == 1


def test_an_order_is_kept_whose_answer_cannot_be_read(
    server: HostileAuthority, authority: AcmeAuthority
) -> None:
    url = f"{server.base}/order/1"
    server.replies["/newOrder"] = lambda _: Reply(201, b"<html>", {"Location": url})
    assert authority.order(["a.example"]).url == url
