"""Every wrong reference to an object answers alike, whichever the noun and whatever is wrong."""

import pytest
from tests.api.client import Answer, Api
from tests.api.conftest import World

NOUNS = {
    "organizations": "organization",
    "accounts": "account",
    "servers": "server",
    "server-groups": "server_group",
    "applications": "application",
    "domains": "domain",
    "records": "record",
    "certificates": "certificate",
    "bindings": "binding",
    "verifications": "verification",
    "tokens": "token",
    "plans": "plan",
}


def wrong_references(world: World, noun: str) -> dict[str, str]:
    """Return references to nothing that acme's neighbour may see, by what is wrong with each."""
    own = world.ids[noun]
    prefix = own.partition("_")[0]
    other = "servers" if noun == "applications" else "applications"
    mistyped = own[:-1] + ("0" if own[-1] != "0" else "1")
    return {
        "malformed": "zzz",
        "malformed id": f"{prefix}_zzz",
        "mistyped": mistyped,
        "foreign": own,
        "other prefix": world.ids[other],
        "other characters": "%F0%9F%92%A9",
        "NUL": "%00",
    }


def answered(reply: Answer) -> tuple[object, ...]:
    """Return the answer without what differs between any two requests."""
    body = {key: value for key, value in reply.body.items() if key != "request_id"}
    return reply.status, reply.headers["content-type"], body


@pytest.mark.parametrize("noun", NOUNS)
def test_every_wrong_reference_answers_alike(api: Api, world: World, noun: str) -> None:
    references = wrong_references(world, noun)
    answers = {
        what: answered(world.as_globex.send("GET", f"/v1/{noun}/{reference}"))
        for what, reference in references.items()
    }
    foreign = answers["foreign"]
    assert foreign[0] == 404
    assert isinstance(foreign[2], dict)
    assert foreign[2]["code"] == f"{NOUNS[noun]}_not_found"
    assert answers == dict.fromkeys(references, foreign)
    seen = api.send("GET", f"/v1/{noun}/{references['mistyped']}")  # the platform sees all there is
    assert answered(seen) == foreign
    assert api.send("GET", f"/v1/{noun}/{world.ids[noun]}").status == 200


@pytest.mark.parametrize("noun", ["records", "certificates", "bindings", "verifications", "plans"])
def test_a_list_of_an_unknown_domain(world: World, noun: str) -> None:
    for reference in (world.ids["domains"], "dom_zzz", "zzz", "example.com"):
        reply = world.as_globex.send("GET", f"/v1/{noun}?domain={reference}")
        assert (reply.status, reply.code) == (404, "domain_not_found")


def test_a_domain_is_found_by_each_spelling_of_its_name(world: World) -> None:
    made = world.as_acme.post("/v1/domains", {"name": "*.Bücher.example.com"})
    spellings = (
        "*.xn--bcher-kva.example.com",
        "*.B%C3%BCcher.example.com.",
        "*.XN--BCHER-KVA.EXAMPLE.com",
    )
    for spelling in spellings:
        assert world.as_acme.get(f"/v1/domains/{spelling}")["id"] == made["id"], spelling
    assert world.as_acme.get("/v1/domains?name=*.b%C3%BCcher.example.com")["data"]
    assert world.as_globex.send("GET", f"/v1/domains/{spellings[0]}").code == "domain_not_found"


def test_a_strangers_claim_says_to_the_platform_which_it_may_mean(api: Api, world: World) -> None:
    stranger = world.as_globex.post("/v1/domains", {"name": "example.com"})
    reply = api.send("GET", "/v1/domains/example.com")
    assert (reply.status, reply.code) == (409, "domain_ambiguous")
    for told in (stranger["id"], world.ids["domains"], "Acme", "Globex", world.acme["id"]):
        assert told in reply.body["detail"]
    assert world.as_globex.get("/v1/domains/example.com")["id"] == stranger["id"]
    assert world.as_acme.get("/v1/domains/example.com")["id"] == world.ids["domains"]
