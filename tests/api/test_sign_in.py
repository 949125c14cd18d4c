"""Signing in: sessions, what other pages cannot do with them, second factors, and roles."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from tests.api.browser import ORIGIN, PASSWORD, Browser, person
from tests.api.client import Api
from tests.api.conftest import World

from nameplate.api import app
from nameplate.core import one_time_codes, passwords, roles
from nameplate.core.actor import PLATFORM
from nameplate.core.roles import Role
from nameplate.models import KnownDevice, User, UserSession


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little memory: what is tried here is not how long it takes."""
    from argon2 import PasswordHasher

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: quick)


def test_a_session_is_a_cookie_of_this_host_and_nothing_else(api: Api, world: World) -> None:
    browser = person(api, "Ada@Example.com", "member", world.acme["id"])
    cookie = browser.attributes["nameplate-session"]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "lax")
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    state = browser.get("/v1/session")
    assert state["user"]["email"] == "ada@example.com"
    assert [(one["slug"], one["role"]) for one in state["organizations"]] == [("acme", "member")]
    assert browser.cookies["nameplate-session"] not in str(state)
    assert [one["name"] for one in browser.get("/v1/domains")["data"]] == ["example.com"]
    with api.sessions.begin(PLATFORM) as session:
        kept = str(session.execute(sa.select(UserSession.__table__)).all())
        assert browser.cookies["nameplate-session"] not in kept
        hashes = session.scalars(sa.select(User.password_hash)).all()
        assert all(one is None or one.startswith("$argon2id$") for one in hashes)
    assert browser.send("DELETE", "/v1/session").status == 204
    assert "nameplate-session" not in browser.cookies
    assert browser.send("GET", "/v1/session").code == "unauthenticated"


def test_a_cookie_over_tls_is_tied_to_the_host(api: Api) -> None:
    from nameplate.api.callers import cookie_name

    assert cookie_name({"scheme": "https"}, "session") == "__Host-nameplate-session"


def test_each_login_is_another_session_and_ends_the_former(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com", "member", world.acme["id"])
    planted = "chosen-by-an-attacker-0123456789abcdefghij"
    victim = Browser(api, {"nameplate-session": planted})
    assert victim.sign_in("ada@example.com").status == 201
    assert victim.cookies["nameplate-session"] != planted
    first, csrf = dict(victim.cookies), victim.csrf
    assert victim.sign_in("ada@example.com").status == 201
    assert victim.csrf != csrf
    stale = Browser(api, first, csrf)
    assert stale.send("GET", "/v1/session").status == 401
    assert browser.get("/v1/session")["user"]["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"origin": "https://evil.example"}, "origin_not_allowed"),
        ({"origin": ""}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"origin": "http://localhost.evil.example"}, "origin_not_allowed"),
        ({"sec_fetch_site": "same-site"}, "origin_not_allowed"),
        ({"x_csrf_token": ""}, "csrf_token_wrong"),
        ({"x_csrf_token": "0" * 64}, "csrf_token_wrong"),
    ],
)
def test_another_page_changes_nothing(
    api: Api, world: World, headers: dict[str, str], code: str
) -> None:
    browser = person(api, "ada@example.com", "admin", world.acme["id"])
    path = "/v1/domains/example.com"
    refused = browser.send("DELETE", path, **headers)
    assert (refused.status, refused.code) == (403, code)
    assert browser.send("GET", path).status == 200
    if code == "origin_not_allowed":
        body = {"email": "ada@example.com", "password": PASSWORD}
        assert Browser(api).send("POST", "/v1/session", body, **headers).code == code
    assert browser.send("DELETE", path).status == 204


def test_a_form_of_another_page_is_no_json(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com", "admin", world.acme["id"])
    body = b'{"name": "evil.example.org"}'
    sent = {"content_type": "text/plain", "origin": ORIGIN, "x_csrf_token": browser.csrf}
    sent["cookie"] = f"nameplate-session={browser.cookies['nameplate-session']}"
    assert api.as_(None).raw("POST", "/v1/domains", body, **sent).status == 415


def test_what_is_wrong_is_not_told(api: Api, world: World) -> None:
    person(api, "ada@example.com", "member", world.acme["id"])
    api.post("/v1/users", {"email": "new@example.com"})
    gone = person(api, "gone@example.com", "member", world.acme["id"])
    api.send("PATCH", "/v1/users/gone@example.com", {"disabled": True})
    assert gone.send("GET", "/v1/session").status == 401
    said = {
        (answer.status, answer.body["code"], answer.body["detail"])
        for answer in (
            Browser(api).sign_in("ada@example.com", "wrong password 123"),
            Browser(api).sign_in("nobody@example.com"),
            Browser(api).sign_in("no address"),
            Browser(api).sign_in("new@example.com"),
            Browser(api).sign_in("gone@example.com"),
        )
    }
    assert len(said) == 1
    assert next(iter(said))[:2] == (401, "sign_in_refused")


def test_who_guesses_is_delayed_and_the_user_is_not(api: Api, world: World) -> None:
    known = person(api, "ada@example.com", "member", world.acme["id"])
    known.send("DELETE", "/v1/session")
    assert "nameplate-device" in known.cookies
    guesses = [Browser(api).sign_in("ada@example.com", f"guess number {n}") for n in range(12)]
    assert [one.status for one in guesses[:10]] == [401] * 10
    assert {one.code for one in guesses[10:]} == {"sign_in_delayed"}
    assert 0 < int(guesses[-1].headers["retry-after"]) <= 90
    assert Browser(api).sign_in("ada@example.com").code == "sign_in_delayed"
    assert known.sign_in("ada@example.com").status == 201
    forged = Browser(api, {"nameplate-device": "x" * 39})
    assert forged.sign_in("ada@example.com").code == "sign_in_delayed"


def test_sessions_end_by_time_and_by_hand(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com", "member", world.acme["id"])
    other = Browser(api)
    other.sign_in("ada@example.com")
    listed = browser.get("/v1/session/list")["data"]
    assert [one["current"] for one in listed] == [True, False]
    assert browser.send("DELETE", f"/v1/session/list/{listed[1]['id']}").status == 204
    assert other.send("GET", "/v1/session").status == 401
    stranger = person(api, "eve@example.com", "member", world.acme["id"])
    foreign = stranger.send("DELETE", f"/v1/session/list/{listed[0]['id']}")
    assert foreign.code == "session_not_found"
    for column, back in (("last_seen_at", timedelta(hours=13)), ("expires_at", timedelta(days=8))):
        late = Browser(api)
        late.sign_in("ada@example.com")
        with api.sessions.begin(PLATFORM) as session:
            row = session.scalars(sa.select(UserSession).order_by(UserSession.id.desc())).first()
            assert row is not None
            setattr(row, column, getattr(row, column) - back)
        assert late.send("GET", "/v1/session").status == 401
    assert browser.send("GET", "/v1/session").status == 200


def test_another_password_ends_all_other_sessions(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com", "member", world.acme["id"])
    other = Browser(api)
    other.sign_in("ada@example.com")
    path = "/v1/session/password"
    wrong = browser.send("POST", path, {"current": "not it at all", "password": PASSWORD})
    assert (wrong.status, wrong.code) == (403, "current_password_wrong")
    for weak in ("short", "aaaaaaaaaaaaaaaa", "ada is my name 123"):
        answer = browser.send("POST", path, {"current": PASSWORD, "password": weak})
        assert (answer.status, answer.code) == (422, "password_weak")
    changed = browser.send("POST", path, {"current": PASSWORD, "password": f"{PASSWORD} 2"})
    assert changed.status == 200
    assert other.send("GET", "/v1/session").status == 401
    assert browser.get("/v1/session")["csrf_token"] == changed.body["csrf_token"] != browser.csrf
    assert Browser(api).sign_in("ada@example.com").status == 401
    with api.sessions.begin(PLATFORM) as session:
        assert len(session.scalars(sa.select(KnownDevice)).all()) == 1


def _code(secret: str, at: datetime) -> str:
    raw = one_time_codes.read(secret)
    return TOTP(raw, 6, SHA1(), 30).generate(int(at.timestamp())).decode()


def test_an_authenticator_and_codes_that_replace_it(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com", "member", world.acme["id"])
    refused = browser.send("POST", "/v1/session/authenticator", {"password": "not it at all"})
    assert refused.code == "current_password_wrong"
    made = browser.send("POST", "/v1/session/authenticator", {"password": PASSWORD}).body
    assert made["url"].startswith("otpauth://totp/Nameplate:ada%40example.com?secret=")
    assert Browser(api).sign_in("ada@example.com").status == 201  # it does not count yet
    now = datetime.now(UTC)
    code = _code(made["secret"], now)
    path = "/v1/session/authenticator:confirm"
    assert browser.send("POST", path, {"code": "000000" if code != "000000" else "1" * 6}).code == (
        "second_factor_wrong"
    )
    spare = browser.send("POST", path, {"code": code}).body["codes"]
    assert len(set(spare)) == 10
    assert Browser(api).sign_in("ada@example.com").code == "second_factor_required"
    assert Browser(api).sign_in("ada@example.com", code=code).code == "second_factor_wrong"  # used
    later = _code(made["secret"], now + timedelta(seconds=30))
    assert Browser(api).sign_in("ada@example.com", code=later).status == 201
    assert Browser(api).sign_in("ada@example.com", code=spare[0].upper()).status == 201
    assert Browser(api).sign_in("ada@example.com", code=spare[0]).code == "second_factor_wrong"
    with api.sessions.begin(PLATFORM) as session:
        assert made["secret"] not in str(session.execute(sa.select(User.__table__)).all())
    gone = {"password": PASSWORD, "code": spare[1]}
    assert browser.send("POST", "/v1/session/authenticator:remove", gone).status == 204
    assert Browser(api).sign_in("ada@example.com").status == 201


def test_an_invitation_works_once(api: Api) -> None:
    made = api.post("/v1/users", {"email": "ada@example.com"})
    token = made["invitation_url"].partition("/invitation#")[2]
    body = {"token": token, "password": PASSWORD}
    weak = Browser(api).send("POST", "/v1/session/invitation", {**body, "password": "short"})
    assert weak.code == "password_weak"
    assert Browser(api).send("POST", "/v1/session/invitation", body).status == 201
    assert Browser(api).send("POST", "/v1/session/invitation", body).code == "invitation_invalid"
    first = api.post("/v1/users/ada@example.com:invite")["invitation_url"].partition("#")[2]
    api.post("/v1/users/ada@example.com:invite")
    replaced = Browser(api).send("POST", "/v1/session/invitation", {**body, "token": first})
    assert replaced.code == "invitation_invalid"


def test_roles(api: Api, world: World) -> None:
    acme = world.acme["id"]
    at = {role: person(api, f"{role}@example.com", role, acme) for role in Role}
    tried: list[tuple[str, str, Any, Role]] = [
        ("GET", "/v1/domains", None, Role.VIEWER),
        ("GET", "/v1/tokens", None, Role.ADMIN),
        ("POST", "/v1/domains/example.com:check", None, Role.MEMBER),
        ("PATCH", "/v1/applications/Shop", {"name": "Shop"}, Role.ADMIN),
        ("PATCH", f"/v1/organizations/{acme}", {"name": "Acme"}, Role.OWNER),
        ("POST", "/v1/tokens?dry_run=true", {"name": "x"}, Role.OWNER),
    ]
    for method, path, body, needed in tried:
        for role, browser in at.items():
            answer = browser.send(method, path, body)
            if role.covers(needed):
                assert answer.status in {200, 201, 429}, (role, path, answer.raw)
            else:
                assert (answer.status, answer.code) == (403, "role_insufficient"), (role, path)
    assert at[Role.OWNER].send("GET", "/v1/users").code == "platform_only"
    assert at[Role.OWNER].send("POST", "/v1/organizations", {"name": "x"}).code == "platform_only"


def test_a_page_is_told_what_its_roles_permit(api: Api, world: World) -> None:
    at = {role: person(api, f"{role}@example.com", role, world.acme["id"]) for role in Role}
    told = {role: at[role].get("/v1/session")["permitted"] for role in Role}
    assert {role: list(one) for role, one in told.items()} == {role: [role] for role in Role}
    lists = [set(told[role][role]) for role in Role]
    assert all(more > less for more, less in pairwise(lists))
    routes = [route for noun in app.NOUNS for route in noun.routes.routes]
    for route in routes:
        method, path = next(iter(route.methods)), re.sub(r"{.*?}", "none_1", route.path)
        body = None
        if route.body_field is not None:
            given = route.body_field.field_info.annotation
            model = next((one for one in get_args(given) if one is not type(None)), given)
            body = model.model_config["json_schema_extra"]["examples"][0]
        for role in (Role.VIEWER, Role.OWNER):
            if route.operation_id not in told[role][role] and str(route.tags[0]) != "edge":
                refused = at[role].send(method, path, body).code
                after_look = role is Role.OWNER and refused.endswith("_not_found")
                assert refused in {"role_insufficient", "platform_only"} or after_look, (role, path)


def test_nobody_gives_more_than_it_has_and_an_owner_stays(api: Api, world: World) -> None:
    acme = world.acme["id"]
    owner = person(api, "owner@example.com", "owner", acme)
    admin = person(api, "admin@example.com", "admin", acme)
    person(api, "new@example.com")
    given = {"user": "new@example.com", "role": "owner"}
    assert admin.send("POST", "/v1/memberships", given).code == "role_too_high"
    made = admin.send("POST", "/v1/memberships", given | {"role": "member"})
    assert (made.status, made.body["email"]) == (201, "new@example.com")
    known = {one["email"]: one for one in admin.get("/v1/memberships")["data"]}
    path = f"/v1/memberships/{known['owner@example.com']['id']}"
    assert admin.send("DELETE", path).code == "role_too_high"
    assert admin.send("PATCH", path, {"role": "viewer"}).code == "role_too_high"
    assert owner.send("DELETE", path).code == "last_owner"
    second = f"/v1/memberships/{made.body['id']}"
    assert owner.send("PATCH", second, {"role": "owner"}).status == 200
    assert owner.send("DELETE", path).status == 204
    assert owner.get("/v1/domains")["data"] == []
    told = api.get("/v1/events?types=membership.*")["data"]
    assert {one["type"] for one in told} == {
        "membership.added", "membership.changed", "membership.removed",
    }  # fmt: skip


def test_a_role_counts_below_its_organization_and_nowhere_else(api: Api, world: World) -> None:
    below = api.post("/v1/organizations", {"name": "Below", "parent": world.acme["id"]})
    apart = api.post("/v1/organizations", {"name": "Apart"})
    browser = person(api, "ada@example.com", "member", world.acme["id"])
    other = person(api, "eve@example.com", "member", below["id"])
    shown = browser.get("/v1/session")["organizations"]
    assert {(one["slug"], one["role"]) for one in shown} == {
        ("acme", "member"), ("below", "member"),
    }  # fmt: skip
    named = {"nameplate_organization": below["slug"]}
    made = browser.send("POST", "/v1/domains", {"name": "below.example.org"}, **named)
    assert (made.status, made.body["organization"]) == (201, below["id"])
    for one, where in ((browser, apart), (other, world.acme), (other, apart)):
        refused = one.send("GET", "/v1/domains", nameplate_organization=where["id"])
        assert (refused.status, refused.code) == (404, "organization_not_found")
    missing = other.send("GET", "/v1/domains", nameplate_organization="org_0")
    assert missing.body["detail"] == refused.body["detail"]
    api.send("PATCH", f"/v1/organizations/{below['id']}", {"is_active": False})
    assert browser.send("GET", "/v1/domains", **named).status == 404


def test_an_operator_is_the_platform_or_whom_it_names(api: Api, world: World) -> None:
    browser = person(api, "root@example.com", operator=True)
    assert browser.send("GET", "/v1/users").status == 200
    assert len(browser.get("/v1/organizations")["data"]) == 2
    inside = browser.get("/v1/organizations", nameplate_organization="acme")["data"]
    assert [one["slug"] for one in inside] == ["acme"]
    browser.send("PATCH", "/v1/organizations/acme", {"name": "Acme 2"})
    (told,) = api.get("/v1/events?types=organization.changed")["data"]
    assert told["actor"]["name"] == "root@example.com"


def test_who_is_nowhere_sees_nothing(api: Api, world: World) -> None:
    browser = person(api, "ada@example.com")
    assert browser.get("/v1/session")["organizations"] == []
    for noun in ("domains", "organizations", "events", "servers"):
        found = browser.get(f"/v1/{noun}")["data"]
        assert [one for one in found if one.get("organization")] == []
    assert browser.send("POST", "/v1/domains", {"name": "a.example.org"}).code == (
        "role_insufficient"
    )


def test_every_operation_has_a_role() -> None:
    known = {
        (str(route.tags[0]), route.operation_id)
        for noun in app.NOUNS
        for route in noun.routes.routes
    }
    assert {noun for noun, _ in known} == roles.NOUNS.keys()
    names = {operation for _, operation in known}
    assert roles.OPERATIONS.keys() | roles.PLATFORM_OPERATIONS <= names
    assert roles.NOUNS.keys() >= roles.PLATFORM_NOUNS
    assert set().union(*roles.ACTIONS.values()) <= names
    assert roles.needed("made_up", "made_up", "GET") is Role.OWNER
