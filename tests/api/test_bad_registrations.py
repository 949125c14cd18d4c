"""What cannot be registered, renewed or moved ends with a typed answer, and no registrar is called."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Api
from tests.registrations.shop import Dns

from nameplate.adapters.registrar.memory import SandboxConfiguration, SandboxRegistrar
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.ports.registrar import Act, RegistrationOrder
from nameplate.testing.registrar import CONTACT as PERSON

CONTACT = PERSON.as_json()
TEN = {"amount": 1000, "currency": "USD"}
QUOTE, SEARCH, IMPORT = (f"/v1/registrations:{one}" for one in ("quote", "search", "import"))
YEARS = [0, -1, 11, 99, 10**12, True, 1.5, "2", None, [1], float("1e300")]
NAMES = {
    "www.example.com": "name_not_registrable",
    "a.b.example.co.uk": "name_not_registrable",
    "co.uk": "name_public_suffix",
    "github.io": "name_private_suffix",
    "com": "name_single_label",
    "*.example.com": "name_wildcard",
    "192.0.2.1": "name_address",
    "exa mple.com": "name_character",
    "https://example.com": "name_url",
    "b\u00fccher\u202e.test": "name_character",
    "xn--zzzzzzzz\u00fc.test": "name_hyphen",
    "x" * 64 + ".test": "name_label_too_long",
    "example..test": "name_label_empty",
}


class Counted:
    """A registrar whose calls are noted by name."""

    def __init__(self, inner: SandboxRegistrar, calls: list[str]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith("_"):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._calls.append(name)
            return found(*given, **named)

        return call


@dataclass
class Till:
    """Two organizations, of which `acme` has an account; every call to its registrar is counted."""

    platform: Api
    acme: Api
    globex: Api
    account: str
    registrar: SandboxRegistrar
    calls: list[str] = field(default_factory=list)

    def refused(self, path: str, body: Any, by: Api | None = None, method: str = "POST") -> Any:
        """Send what cannot be; return the answer, seen to have cost no call and no row."""
        before = list(self.calls), self.rows()
        answer = (by or self.acme).send(method, path, body)
        assert 400 <= answer.status < 500, answer.body
        assert answer.code
        assert (list(self.calls), self.rows()) == before, answer.code
        return answer

    def rows(self) -> tuple[int | None, ...]:
        with self.platform.sessions.begin(PLATFORM, read_only=True) as session:
            return tuple(
                session.scalar(sa.text(f"SELECT count(*) FROM {table}"))
                for table in ("registrations", "purchases")
            )

    def own(self, name: str) -> str:
        """Have a name in the account and as a registration; return its id."""
        quote = self.registrar.quote(Act.REGISTER, name, 1)
        self.registrar.register(RegistrationOrder(name, 1, PERSON, quote))
        made = self.acme.post(IMPORT, {})["registrations"]
        return str(made[0]["id"])


@pytest.fixture
def till(api: Api) -> Till:
    calls: list[str] = []
    inner = SandboxRegistrar(SandboxConfiguration(), api.tools.clock)
    counted: Callable[[Any], Any] = lambda _account: Counted(inner, calls)  # noqa: E731 - the type of a field
    tools = replace(api.tools, special_use=True, resolver=Dns(), registrar=counted)
    platform = Api(
        api.sessions, tools, InProcess(create(api.sessions, tools, local_token=Secret(LOCAL)))
    )
    made, acme = platform.organization("Acme")
    _, globex = platform.organization("Globex")
    account = platform.post(
        "/v1/accounts",
        {"kind": "registrar", "provider": "sandbox", "name": "names", "organization": made["id"]},
    )
    return Till(platform, acme, globex, account["id"], inner, calls)


@pytest.mark.parametrize("act", list(Act))
def test_years_that_no_registry_sells(till: Till, act: Act) -> None:
    for years in YEARS:
        answer = till.refused(QUOTE, {"name": "y.test", "act": act, "years": years})
        assert answer.status in {400, 422}, years
        assert answer.body["errors"][0]["pointer"] == "/years", years
        if isinstance(years, int) and not isinstance(years, bool):
            assert answer.code == "years_invalid"
    assert till.calls == []


def test_years_beyond_what_is_left(till: Till) -> None:
    """A year of ten is there: ten more are too many, which only the registrar's date can tell."""
    till.own("old.test")
    till.calls.clear()
    answer = till.acme.send("POST", QUOTE, {"name": "old.test", "act": "renew", "years": 10})
    assert (answer.status, answer.code) == (422, "years_invalid")
    assert answer.body["errors"][0]["pointer"] == "/years"
    assert not set(till.calls) & {"renew", "register", "transfer", "reactivate"}
    assert till.refused(QUOTE, {"name": "old.test", "act": "reactivate", "years": 2}).code == (
        "years_invalid"
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_that_nobody_can_register(till: Till, name: str) -> None:
    for act in Act:
        answer = till.refused(QUOTE, {"name": name, "act": act})
        assert (answer.status, answer.code) == (422, NAMES[name])
        assert answer.body["errors"][0]["pointer"] == "/name"
    for path, body, pointer in (
        (SEARCH, {"names": ["a.test", name]}, "/names/1"),
        (IMPORT, {"names": ["a.test", name]}, "/names/1"),
    ):
        answer = till.refused(path, body)
        assert (answer.status, answer.code) == (422, NAMES[name])
        assert answer.body["errors"][0]["pointer"] == pointer
    assert till.calls == []


def test_more_names_than_a_registrar_is_asked_about(till: Till) -> None:
    for names in ([], [f"n{number}.test" for number in range(51)], ["x" * 2000], [7], "a.test"):
        assert till.refused(SEARCH, {"names": names}).status in {400, 422}
    assert till.calls == []


def test_names_in_other_scripts_have_one_form(till: Till) -> None:
    for name in (
        "B\u00fccher.test",
        "xn--bcher-kva.test",
        "b\u00fccher\uff0etest",
        "XN--BCHER-KVA.TEST.",
    ):
        made = till.acme.post(QUOTE, {"name": name})
        assert made["name"] == "xn--bcher-kva.test"


HOSTILE = {
    "missing": None,
    "empty": "",
    "blank": "   ",
    "long": "x" * 10_000,
    "lines": "Ada\r\nBcc: all@example.com",
    "zero": "Ada\x00",
    "terminal": "Ada \x1b[31m \x9b31m",
    "bidi": "Ada \u202egnp\u2066",
    "markup": "<script>alert(1)</script>",
    "surrogate": "Ada \ufffe",
    "number": 7,
    "list": ["Ada"],
    "object": {"a": "b"},
}
REQUIRED = sorted(CONTACT.keys() - {"organization", "street2", "state"})


@pytest.mark.parametrize("kind", HOSTILE)
def test_each_field_of_a_contact_says_what_is_wrong_with_it(till: Till, kind: str) -> None:
    path = f"/v1/purchases/{till.acme.post(QUOTE, {'name': 'who.test'})['id']}:confirm"
    till.calls.clear()
    for name in REQUIRED:
        wrong = {**CONTACT, name: HOSTILE[kind]}
        if HOSTILE[kind] is None:
            del wrong[name]
        answer = till.refused(path, {"amount": TEN, "contact": wrong})
        if kind == "zero":  # no text of JSON here has it
            assert (answer.status, answer.code) == (400, "body_malformed")
            continue
        assert answer.status == 422
        told = answer.body["errors"]
        assert [one["pointer"] for one in told] == [f"/contact/{name}"], (kind, told)
        assert told[0]["detail"].endswith(".")
        assert b"alert(1)" not in answer.raw
    if kind == "zero":
        return
    every = till.refused(path, {"amount": TEN, "contact": dict.fromkeys(REQUIRED, HOSTILE[kind])})
    assert {one["pointer"] for one in every.body["errors"]} == {
        f"/contact/{one}" for one in REQUIRED
    }
    assert till.calls == []


def test_names_of_people_in_other_scripts_are_taken(till: Till) -> None:
    made = till.acme.post(QUOTE, {"name": "who.test"})
    told = {
        **CONTACT,
        "first_name": "\u0645\u06cc\u200c\u062e",
        "city": "\u6771\u4eac\u3000\u90fd",
        "last_name": "O\u2019Brien-\u00d1",
    }
    assert till.acme.post(f"/v1/purchases/{made['id']}:confirm", {"amount": TEN, "contact": told})


def test_an_account_of_another_organization_is_not_there(till: Till) -> None:
    mine = till.own("mine.test")
    purchase = till.acme.post(QUOTE, {"name": "more.test"})["id"]
    till.calls.clear()
    for path, body in (
        (QUOTE, {"name": "a.test", "account": till.account}),
        (SEARCH, {"names": ["a.test"], "account": till.account}),
        (IMPORT, {"account": till.account}),
        (f"/v1/registrations/{mine}:lock", None),
        (f"/v1/registrations/{mine}:delegate", {"name_servers": ["ns.example.net"]}),
        (f"/v1/registrations/{mine}:auth-code", None),
        (f"/v1/purchases/{purchase}:confirm", {"amount": TEN, "contact": CONTACT}),
        (f"/v1/purchases/{purchase}:cancel", None),
    ):
        answer = till.refused(path, body, till.globex)
        assert answer.status == 404, (path, answer.body)
        missing = path.replace(mine[-6:], "000000").replace(purchase[-6:], "000000")
        other = dict(body or {}) | (
            {"account": f"acct_{'0' * 14}"} if "account" in (body or {}) else {}
        )
        none = till.refused(missing, other if body else None, till.globex)
        assert (none.status, none.code) == (404, answer.code)
    assert till.calls == []


def test_money_that_is_none(till: Till) -> None:
    path = f"/v1/purchases/{till.acme.post(QUOTE, {'name': 'cheap.test'})['id']}:confirm"
    till.calls.clear()
    for amount in (
        {"amount": 999, "currency": "USD"}, {"amount": 10**6, "currency": "EUR"},
        {"amount": -1, "currency": "USD"}, {"amount": 10**30, "currency": "USD"},
        {"amount": "1000", "currency": "USD"}, {"amount": 1000.0, "currency": "usd"}, {"amount": 1000}, None, 1000,
    ):  # fmt: skip
        till.refused(path, {"amount": amount, "contact": CONTACT})
    assert till.calls == []
