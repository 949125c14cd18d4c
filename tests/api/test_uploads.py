"""Bringing, exporting and replacing certificates through the API, as their owner and as others."""

from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.api.client import Api
from tests.api.conftest import World
from tests.core import bad_uploads
from tests.core.pki import Party, Pki, key_pem
from tests.proof import prove

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import database_now
from nameplate.models import Domain

PKI = Pki()
PATH = "/v1/certificates:upload"


@dataclass
class Owner:
    """Acme with `example.com` proved, and an API that trusts the tests' authority."""

    api: Api
    acme: Api
    globex: Api

    def upload(self, party: Party, **more: Any) -> Any:
        return self.acme.send("POST", PATH, {**body(party), **more})


def body(party: Party) -> dict[str, Any]:
    return {"certificate": PKI.chain(party), "private_key": party.secret.reveal()}


@pytest.fixture
def owner(api: Api, world: World) -> Owner:
    tools = replace(api.tools, roots=lambda: PKI.roots)
    transport = InProcess(create(api.sessions, tools, local_token=Secret("local-credential")))
    with api.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, ids.parse(world.ids["domains"], "dom"))
        prove(session, domain, database_now(session))
    mine = replace(api, tools=tools, transport=transport)
    return Owner(mine, mine.as_(world.as_acme.token), mine.as_(world.as_globex.token))


def test_an_upload_is_shown_decoded_and_without_its_key(owner: Owner) -> None:
    party = PKI.leaf("example.com", "www.example.com")
    answer = owner.upload(party)
    assert answer.status == 201, answer.raw
    made = answer.body
    assert (made["type"], made["status"], made["names"]) == ("custom", "active", ["example.com", "www.example.com"])  # fmt: skip
    first, second = made["chain"]
    assert (first["names"], first["key_type"], first["signature"]) == (made["names"], "ec256", "ecdsa-with-SHA256")  # fmt: skip
    assert second["subject"] == first["issuer"] == "CN=Intermediate"
    shown = owner.acme.get(f"/v1/certificates/{made['id']}")
    assert shown["chain"] == made["chain"]
    assert owner.acme.get("/v1/certificates")["data"][-1]["chain"] is None
    for raw in (answer.raw, owner.acme.send("GET", f"/v1/certificates/{made['id']}").raw, owner.acme.send("GET", "/v1/events").raw):  # fmt: skip
        assert b"PRIVATE" not in raw
    assert (
        owner.globex.send("GET", f"/v1/certificates/{made['id']}").code == "certificate_not_found"
    )


def test_pkcs12_and_passwords(owner: Owner) -> None:
    party = PKI.leaf("example.com")
    packed = b64encode(bad_uploads.packed(party, PKI, b"right")).decode()
    wrong = owner.acme.send("POST", PATH, {"pkcs12": packed, "password": "wrong"})
    assert (wrong.status, wrong.code) == (422, "password_wrong")
    assert "wrong" not in wrong.body["detail"]
    made = owner.acme.post(PATH, {"pkcs12": packed, "password": "right"})
    sealed = {"certificate": PKI.chain(PKI.leaf("example.com", key=party.key)), "private_key": key_pem(party.key, b"x"), "password": "x"}  # fmt: skip
    replaced = owner.acme.post(f"/v1/certificates/{made['id']}:replace", sealed)
    assert (replaced["id"], replaced["generation"]) == (made["id"], 2)


@pytest.mark.parametrize(
    "given",
    [{}, {"private_key": "x"}, {"certificate": "x", "pkcs12": "eA=="}, {"pkcs12": "no base64!"},
     {"pkcs12": "eA==", "private_key": "x"}],
)  # fmt: skip
def test_what_is_no_upload(owner: Owner, given: dict[str, Any]) -> None:
    assert owner.acme.send("POST", PATH, given).code == "upload_malformed"


def test_the_campaign_through_the_api(owner: Owner) -> None:
    """A sample of it: no answer is a fault of ours, and none repeats a key."""
    for name, material, codes in bad_uploads.cases(PKI)[::6]:
        given: dict[str, Any] = {}
        if material.pkcs12 is not None:
            given["pkcs12"] = b64encode(material.pkcs12).decode() or "eA=="
        else:
            given["certificate"] = material.certificate.encode("utf-8", "replace").decode() or " "
        if material.private_key is not None:
            given["private_key"] = material.private_key.reveal() or " "
        if material.password:
            given["password"] = material.password.reveal()
        answer = owner.acme.send("POST", PATH, given)
        assert 400 <= answer.status < 500, (name, answer.raw)
        assert not codes or answer.code in codes | {"body_invalid", "upload_malformed"}, (name, answer.raw)  # fmt: skip
        assert b"BEGIN PRIVATE" not in answer.raw, name


def test_a_dry_run_adds_nothing(owner: Owner) -> None:
    before = len(owner.acme.get("/v1/certificates")["data"])
    shown = owner.acme.send("POST", f"{PATH}?dry_run=true", body(PKI.leaf("example.com")))
    assert (shown.status, shown.body["status"]) == (201, "active")
    assert len(owner.acme.get("/v1/certificates")["data"]) == before


def test_repeating_a_request_uploads_once(owner: Owner) -> None:
    party = PKI.leaf("example.com")
    again = owner.acme.with_(idempotency_key="upload-1")
    first = again.post(PATH, body(party))
    assert again.post(PATH, body(party))["id"] == first["id"]


def test_pem_for_everybody_who_sees_it(owner: Owner) -> None:
    party = PKI.leaf("example.com")
    identity = owner.upload(party).body["id"]
    leaf = owner.acme.get(f"/v1/certificates/{identity}/pem")["certificate"]
    chain = owner.acme.get(f"/v1/certificates/{identity}/pem?chain=true")["certificate"]
    assert chain == PKI.chain(party)
    assert chain.startswith(leaf)
    assert leaf != chain
    assert owner.globex.send("GET", f"/v1/certificates/{identity}/pem").status == 404


def test_the_key_for_tokens_that_may(owner: Owner) -> None:
    party = PKI.leaf("example.com")
    identity = owner.upload(party).body["id"]
    path = f"/v1/certificates/{identity}:export-key"
    assert (owner.acme.send("POST", path).status, owner.acme.send("POST", path).code) == (403, "export_not_permitted")  # fmt: skip
    assert owner.acme.send("POST", "/v1/tokens", {"name": "t", "may_export_keys": True}).code == "export_not_permitted"  # fmt: skip
    made = owner.api.post(
        "/v1/tokens", {"name": "t", "organization": "acme", "may_export_keys": True}
    )
    allowed = owner.acme.as_(made["token"])
    assert allowed.send("POST", f"{path}?dry_run=true").status == 422, "it is never silent"
    once = allowed.with_(idempotency_key="k")
    assert once.post(path)["private_key"] == party.secret.reveal()
    assert once.post(path)["private_key"] is None, "the answer that is kept has no key"
    theirs = owner.api.post(
        "/v1/tokens", {"name": "t", "organization": "globex", "may_export_keys": True}
    )
    assert owner.globex.as_(theirs["token"]).send("POST", path).code == "certificate_not_found"
