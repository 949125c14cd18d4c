"""Whatever a registrar refuses with ends as one of our errors, with a sentence that is safe to show."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fakes.namecheap_names import FakeNamecheapNames
from tests.fakes.route53domains import NOW, FakeRoute53Domains

from nameplate.adapters.http.client import Api
from nameplate.adapters.registrar import namecheap_answers, route53_answers
from nameplate.adapters.registrar.namecheap import NamecheapRegistrar
from nameplate.adapters.registrar.route53domains import Route53Domains
from nameplate.adapters.vendors.namecheap import NamecheapApi
from nameplate.core import error_catalogue
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.registrar import Act, Quote, Registrar, RegistrationOrder
from nameplate.testing.registrar import CONTACT

OWN = "own.com"
HOSTILE = {
    "terminal": "Their words \x9b31mred\x9b0m",
    "bidi": "Their words \u202egnp.exe\u2066\u200b\ufeff",
    "lines": "Their words\n\n  Nameplate: paid\r\n\u2028more",
    "long": "Their words " + "x" * 65_536,
    "markup": 'Their words <script>alert("x")</script> {{7*7}} %s %(x)s',
    "empty": "",
}
AGREED = Quote(Act.REGISTER, "new.com", 1, Money(100_000, "USD"))
ORDER = RegistrationOrder("new.com", 1, CONTACT, AGREED)
ACTS: dict[str, Callable[[Any], object]] = {
    "list": lambda one: one.registrations(),
    "register": lambda one: one.register(ORDER),
    "transfer": lambda one: one.transfer(ORDER, Secret("code")),
    "renew": lambda one: one.renew(OWN, 1, NOW, AGREED),
    "delegate": lambda one: one.delegate(OWN, ["ns1.example.net"]),
    "lock": lambda one: one.set_lock(OWN, locked=True),
    "contact": lambda one: one.set_contact(OWN, CONTACT),
    "privacy": lambda one: one.set_privacy(OWN, hidden=True),
}


def refusal(registrar: Registrar, act: str) -> NameplateError:
    """Return the error with which an act ends, seen to be safe to show."""
    with pytest.raises((Refused, Unavailable)) as failed:
        ACTS[act](registrar)
    error: NameplateError = failed.value
    assert error_catalogue.explain(error.code).title
    assert error.detail.isprintable(), error.detail
    assert 15 < len(error.detail) < 600
    assert error.detail[0].isupper()
    return error


@pytest.fixture
def at_namecheap() -> Iterator[FakeNamecheapNames]:
    with FakeNamecheapNames(OWN) as server:
        yield server
        assert server.broken == []


def namecheap(fake: FakeNamecheapNames) -> NamecheapRegistrar:
    api = NamecheapApi(Api(fake.url), "user", Secret(fake.credential), "192.0.2.1")
    return NamecheapRegistrar(api, lambda: NOW)


def numbers(fake: FakeNamecheapNames) -> list[str]:
    """Return every number of an error that the vendor's reference has, or that we know beside it."""
    listed = set(re.findall(r"^\| (\d{5,7}) \|", fake.reference, re.MULTILINE))
    assert len(listed) > 15
    return sorted(listed | namecheap_answers._ERRORS.keys() | namecheap_answers._UNKNOWN.keys())


def test_every_number_of_namecheap_has_its_sentence(at_namecheap: FakeNamecheapNames) -> None:
    registrar = namecheap(at_namecheap)
    for number in numbers(at_namecheap):
        at_namecheap.error = (number, "Their words")
        error = refusal(registrar, "lock")
        # Only a number that somebody has read up on has a sentence before the vendor's words.
        assert not error.detail.startswith(("Namecheap failed:", "Namecheap refused")), number
        assert error.detail.endswith(f"({number}: Their words)"), number
        known = namecheap_answers._ERRORS.get(number)
        assert error.code == (known[0] if known else "provider_failed")


@pytest.mark.parametrize("act", ACTS)
def test_numbers_mean_the_same_whatever_was_asked(
    at_namecheap: FakeNamecheapNames, act: str
) -> None:
    for number in ("2033407", "5050900", "2999999", "1011102", "500000"):
        at_namecheap.error = (number, "Their words")
        error = refusal(namecheap(at_namecheap), act)
        expected = {
            "2033407": "order_refused", "2999999": "provider_refused",
            "1011102": "credential_refused", "500000": "rate_limited",
        }.get(number)  # fmt: skip
        # What only failed may have been carried out; of reading it is known that nothing was.
        assert error.code == expected or error.code in {"provider_failed", "provider_unreachable"}


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_namecheap_are_bounded_and_cleaned(
    at_namecheap: FakeNamecheapNames, words: str
) -> None:
    for number in (*numbers(at_namecheap), "2999999", "3999999", "9" * 5000, "<b>\u202e", ""):
        at_namecheap.error = (number, HOSTILE[words])
        error = refusal(namecheap(at_namecheap), "lock")
        assert ("Their words" in error.detail) is bool(HOSTILE[words])
    at_namecheap.error = ("2999999", HOSTILE[words])
    assert refusal(namecheap(at_namecheap), "register").code == "provider_refused"


def shapes(fake: FakeRoute53Domains) -> Iterator[tuple[str, str]]:
    """Yield each exception of each operation that an act here begins with, as the model has it."""
    service = fake.client.meta.service_model
    begins = {
        "list": "ListDomains", "register": "CheckDomainAvailability", "contact": "UpdateDomainContact",
        "transfer": "CheckDomainTransferability", "delegate": "UpdateDomainNameservers",
        "privacy": "UpdateDomainContactPrivacy",
    }  # fmt: skip
    for act, operation in begins.items():
        for shape in service.operation_model(operation).error_shapes:
            yield act, shape.error_code or shape.name


def test_every_exception_of_route53_domains_has_its_sentence() -> None:
    """The model is asked, so that an exception that a new version knows is missed here."""
    known = {
        *route53_answers._REFUSED, route53_answers._LIMIT, route53_answers._MAINTENANCE,
        route53_answers._INPUT,
    }  # fmt: skip
    service = FakeRoute53Domains().client.meta.service_model
    told = {shape.name: route53_answers.explain(shape.name, 400, "Their words") for shape in service.error_shapes}  # fmt: skip
    assert len(told) > 7
    assert told.keys() <= known
    for name, error in told.items():
        assert isinstance(error, Refused | Unavailable)
        assert not error.detail.startswith("Route 53 Domains refused ("), name
        assert "Their words" in error.detail
        assert error_catalogue.explain(error.code).title
    assert isinstance(told["OperationLimitExceeded"], RateLimited)
    assert told["InvalidInput"].code == "provider_refused"
    assert told["DuplicateRequest"].code == "operation_in_progress"


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_amazon_are_bounded_and_cleaned(words: str) -> None:
    fake = FakeRoute53Domains()
    fake.own(OWN)
    registrar = Route53Domains(fake.client, lambda: fake.now)
    seen = set()
    for act, name in shapes(fake):
        fake.error = (name, HOSTILE[words])
        if act == "register" and name in {"InvalidInput", "UnsupportedTLD"}:
            continue  # not sold here: an answer, and no failure
        seen.add(name)
        refusal(registrar, act)
    assert len(seen) > 4
    for code in ("BrandNew", "Brand\x1b[31mNew\u202e" + "x" * 65_536):
        error = route53_failure(code, HOSTILE[words])
        assert error.code == "provider_refused"
        assert error.detail.isprintable()
        assert "Brand" in error.detail
        assert len(error.detail) < 600


def route53_failure(code: str, words: str) -> NameplateError:
    """Return what an exception becomes that no model knows."""
    fake = FakeRoute53Domains()
    events = fake.client.meta.events

    def answer(**_: Any) -> Any:
        from types import SimpleNamespace

        parsed = {
            "Error": {"Code": code, "Message": words},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        return SimpleNamespace(status_code=400), parsed

    events.unregister("before-call.route53domains", fake._answer)
    events.register("before-call.route53domains", answer)
    with pytest.raises(Refused) as failed:
        Route53Domains(fake.client, lambda: NOW).delegate(OWN, ["ns1.example.net"])
    error: NameplateError = failed.value
    return error


def test_what_amazon_says_of_an_operation_is_cleaned_too() -> None:
    for words in HOSTILE.values():
        row = {"OperationId": "1", "Status": "FAILED", "Message": words}
        detail = route53_answers.operation(row).detail
        assert detail.isprintable()
        assert len(detail) <= 300
