"""What needs no token: health, numbers, challenges, the description."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Api, api_over
from tests.api.conftest import World

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.models import HttpChallenge, Organization
from nameplate.usecases.certificates import reachability
from nameplate.usecases.operations import revisions

TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
CHALLENGE = f"/.well-known/acme-challenge/{TOKEN}"


def challenge(world: World, api: Api) -> None:
    with api.sessions.begin(PLATFORM) as session:
        owner = session.scalars(sa.select(Organization).where(Organization.slug == "acme")).one()
        session.add(
            HttpChallenge(
                organization_id=owner.id,
                token=TOKEN,
                hostname="example.com",
                key_authorization=f"{TOKEN}.thumbprint",
                ssl_certificate_id=ids.parse(world.ids["certificates"], "crt"),
            )
        )


def asked(api: Api, host: str, path: str = CHALLENGE) -> tuple[int, bytes, str]:
    answer = api.as_(None).with_(host=host).send("GET", path)
    return answer.status, answer.raw, answer.headers["content-type"].partition(";")[0]


def test_challenges_are_answered_for_their_host_only(world: World, api: Api) -> None:
    challenge(world, api)
    good = (200, f"{TOKEN}.thumbprint".encode(), "text/plain")
    for host in ("example.com", "EXAMPLE.com", "example.com:80", "example.com."):
        assert asked(api, host) == good
    for host in (
        "www.example.com",
        "example.com.evil.net",
        "",
        "example.com:80:80",
        "xexample.com",
    ):
        assert asked(api, host) == (404, b"not found", "text/plain")
    prefix = "/.well-known/acme-challenge/"
    for token in (TOKEN[:-1], TOKEN.lower(), "<script>", "..%2f..%2fetc", "%00", "a" * 300):
        assert asked(api, "example.com", prefix + token)[0] == 404


def test_our_own_look_at_the_challenge_path_is_answered_for_any_host(api: Api) -> None:
    ring = api.tools.keyring
    token = f"nameplate-0011223344556677-{ring.primary}"
    path = f"/.well-known/acme-challenge/{token}"
    told = {host: asked(api, host, path)[1].decode() for host in ("a.example", "b.example")}
    assert told == {host: reachability.answer(ring, host, token) for host in told}
    assert len(set(told.values())) == 2
    assert asked(api, "A.example:80", path)[1].decode() == told["a.example"]
    assert asked(api, "a.example", path + "x")[0] == 404


def test_health(api: Api) -> None:
    anybody = api.as_(None)
    assert anybody.get("/healthz") == {"status": "ok"}
    assert anybody.get("/readyz") == {"status": "ok"}


def test_not_ready_without_the_schema(tmp_path: Path) -> None:
    sessions = Sessions(engine(f"sqlite:///{tmp_path}/empty.db"))
    api = api_over(sessions, tmp_path)
    answer = api.send("GET", "/readyz")
    assert (answer.status, answer.code) == (503, "schema_absent")
    assert answer.headers["retry-after"]
    asked = api.send("GET", "/v1/domains")
    assert (asked.status, asked.code) == (503, "schema_not_current")
    assert "nameplate db upgrade" in asked.body["detail"]
    assert api.send("GET", "/healthz").status == 200
    sessions.dispose()


def test_not_ready_with_an_older_schema(api: Api) -> None:
    with api.sessions.begin(PLATFORM) as session:
        older = revisions.known()[-2]
        session.execute(sa.text(f"UPDATE nameplate_version SET version_num = '{older}'"))
    assert api.send("GET", "/readyz").code == "schema_not_current"


def test_not_ready_with_a_newer_schema(api: Api) -> None:
    with api.sessions.begin(PLATFORM) as session:
        session.execute(sa.text("UPDATE nameplate_version SET version_num = '2031_01_01_0000'"))
    assert api.send("GET", "/readyz").code == "schema_newer"


def test_an_unreachable_database_is_said_so(tmp_path: Path) -> None:
    sessions = Sessions(engine(f"sqlite:///{tmp_path}/no/such/folder.db"))
    api = api_over(sessions, tmp_path / "home")
    for path in ("/readyz", "/v1/domains"):
        answer = api.send("GET", path)
        assert (answer.status, answer.code) == (503, "database_unavailable"), answer.raw
        assert answer.body["retryable"] is True
        assert int(answer.headers["retry-after"]) == answer.body["retry_after"]
    assert b"nameplate_database_up 0.0" in api.send("GET", "/metrics").raw
    sessions.dispose()


def test_metrics_name_routes_and_no_tenant(world: World, api: Api) -> None:
    world.as_acme.get("/v1/domains/example.com")
    api.send("GET", "/v1/no/such/thing")
    text = api.as_(None).send("GET", "/metrics").raw.decode()
    assert 'route="/v1/domains/{domain}",status="200"' in text
    assert 'route="unmatched",status="404"' in text
    assert 'nameplate_due_rows{table="domain_verifications"} 1.0' in text
    assert 'nameplate_certificates_expiring{within_days="30"} 0.0' in text
    assert "example.com" not in text
    assert "acme" not in text


def test_a_bug_tells_nothing_but_the_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_kw: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("nameplate.usecases.tenants.organizations.page", broken)
    answer = api.send("GET", "/v1/organizations")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"hunter2" not in answer.raw
    assert answer.body["request_id"] in caplog.text


def test_the_edge_is_mounted(api: Api) -> None:
    async def edge(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = create(api.sessions, api.tools, edge=edge, local_token=Secret(LOCAL))
    assert InProcess(app).send("GET", "/edge/ask?domain=example.com", {}, None)[0] == 204
    assert api.send("GET", "/edge/ask").status == 404


def test_error_codes_are_explained_to_programs(api: Api) -> None:
    anybody = api.as_(None)
    address = anybody.send("GET", "/v1/nothing").body["doc_url"]
    for accept in ("application/json", "*/*", "application/json, text/html"):
        answer = anybody.with_(accept=accept).send("GET", address)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.body == {
            "object": "error_code",
            "type": "/errors/route_not_found",
            "code": "route_not_found",
            "turn": "you",
            "title": "This path does not exist.",
            "fix": "Check the path against the API reference. Paths have no final slash.",
            "statuses": [404],
        }
    assert anybody.get("/errors/acme_unavailable")["turn"] == "authority"


def test_error_codes_are_explained_to_browsers(api: Api) -> None:
    browser = api.as_(None).with_(accept="text/html,application/xhtml+xml,*/*;q=0.8")
    answer = browser.send("GET", "/errors/unauthenticated")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["vary"] == "Accept"
    assert b"<h1><code>unauthenticated</code></h1>" in answer.raw
    assert b"<code>Authorization: Bearer np_...</code>" in answer.raw
    assert b"HTTP status: 401." in answer.raw
    assert b"<script" not in answer.raw


def test_an_unknown_error_code_is_a_problem(api: Api) -> None:
    for code in ("0", "<script>", "acme_<script>", "no_such_code", "DOMAIN_EXISTS"):
        for accept in ("application/json", "text/html"):
            answer = api.as_(None).with_(accept=accept).send("GET", f"/errors/{code}")
            assert (answer.status, answer.code) == (404, "error_code_unknown")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.body["doc_url"] == "/errors/error_code_unknown"


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_description_is_complete(api: Api) -> None:
    document = api.as_(None).get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    found = operations(document)
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names)) > 50
    for method, path, operation in found:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        good = {code: r for code, r in operation["responses"].items() if code.startswith("2")}
        assert good, where
        for code, response in good.items():
            contents = response.get("content", {}).values()
            assert code == "204" or any("example" in content for content in contents), where
        if path.startswith("/v1/"):
            assert operation["security"] == [{"bearer": []}], where
            for code in ("401", "404", "422"):
                content = operation["responses"][code]["content"]
                assert content["application/problem+json"]["example"]["code"], where
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            assert examples_of(document, body["schema"]), where


def examples_of(document: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    schema = next(iter(schema.get("anyOf", [schema])))
    name = schema["$ref"].rpartition("/")[2]
    found: list[Any] = document["components"]["schemas"][name]["examples"]
    return found


def test_every_reference_of_the_description_leads_somewhere(api: Api) -> None:
    document = api.as_(None).get("/openapi.json")

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            target = node.get("$ref")
            if isinstance(target, str):
                _, section, kind, name = target.split("/")
                assert name in document[section][kind], target
            for member in node.values():
                walk(member)
        elif isinstance(node, list):
            for member in node:
                walk(member)

    walk(document)


def test_no_page_loads_scripts_from_elsewhere(api: Api) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert api.send("GET", path).status == 404
