"""What the API says of itself is what it does: methods, statuses, limits."""

from typing import Any

import pytest
from tests.api.client import Api


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.send("GET", "/openapi.json").body
    return found


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/domains/x:check", "POST"),  # it was that of `/v1/domains/x`
        ("PUT", "/v1/domains/x/records:plan", "POST"),
        ("PUT", "/v1/domains/x", "DELETE, GET, PATCH"),
        ("DELETE", "/v1/tokens", "GET, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    refused = api.send(method, path)
    assert (refused.status, refused.headers["allow"]) == (405, allowed)


def test_every_patch_documents_the_failed_precondition(document: dict[str, Any]) -> None:
    patches = [one["patch"] for one in document["paths"].values() if "patch" in one]
    assert patches
    for operation in patches:
        (content,) = operation["responses"]["412"]["content"]
        assert content == "application/problem+json"


def test_a_method_that_is_not_there_yet_is_the_callers_fault(api: Api) -> None:
    """It was answered as if the DNS provider had failed."""
    api.post("/v1/organizations", {"name": "Acme"})
    body = {"name": "a.example.org", "organization": "acme", "verification_method": "email"}
    refused = api.send("POST", "/v1/domains", body)
    assert (refused.status, refused.code) == (422, "method_not_available")


def test_limits_are_in_the_description(document: dict[str, Any]) -> None:
    add = document["paths"]["/v1/domains"]["post"]["parameters"]
    (key,) = [one["schema"] for one in add if one["name"] == "Idempotency-Key"]
    assert (key["minLength"], key["maxLength"]) == (1, 255)
    listed = document["paths"]["/v1/domains"]["get"]["parameters"]
    (cursor,) = [one["schema"] for one in listed if one["name"] == "cursor"]
    assert any(one.get("maxLength") == 200 for one in cursor["anyOf"])


def test_an_unknown_error_code_is_a_problem_document(api: Api, document: dict[str, Any]) -> None:
    answer = api.send("GET", "/errors/0")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    told = document["paths"]["/errors/{code}"]["get"]["responses"]["404"]["content"]
    assert list(told) == ["application/problem+json"]


def test_no_platform_token_is_made_by_a_forgotten_organization(api: Api) -> None:
    refused = api.send("POST", "/v1/tokens", {"name": "ci"})
    assert (refused.status, refused.code) == (422, "token_owner_missing")
    assert api.post("/v1/tokens", {"name": "ops", "platform": True})["organization"] is None
    api.post("/v1/organizations", {"name": "Acme"})
    both = {"name": "x", "platform": True, "organization": "acme"}
    assert api.send("POST", "/v1/tokens", both).code == "token_owner_twice"
    made = api.post("/v1/tokens", {"name": "ci", "organization": "acme"})
    tenant = api.as_(made["token"])
    assert tenant.post("/v1/tokens", {"name": "own"})["organization"]
    assert tenant.send("POST", "/v1/tokens", {"name": "x", "platform": True}).status == 403
