"""What the platform says to DNS hosts in Domain Connect."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nameplate.core import keys
from nameplate.core.domain_connect.service import ConnectService, apply_url, key_records, template
from nameplate.core.errors import Invalid

HOST = "domainconnect.virtucon.example"


KEY = keys.new_key("rsa2048")


def service(**changes: Any) -> ConnectService:
    given = {
        "provider_id": "platform.example",
        "provider_name": "Platform",
        "service_id": "custom-domain",
        "service_name": "Custom domain",
        "key_domain": "dc.platform.example",
        "key_host": "_dcpubkeyv1",
        "key": KEY,
    }
    return ConnectService(**{**given, **changes})


def signed(**changes: Any) -> tuple[str, dict[str, str]]:
    given: dict[str, Any] = {
        "zone": "example.com",
        "host": "shop",
        "groups": ["ownership", "alias"],
        "variables": {"token": "a+b c/d=&%\u00e4", "target": "edge.platform.example"},
    }
    url = apply_url(service(), f"https://{HOST}/sync", **{**given, **changes})
    return url, dict(parse_qsl(urlsplit(url).query, strict_parsing=True, keep_blank_values=True))


def test_the_link_is_sorted_encoded_and_signed():
    url, given = signed()
    head, _, query = url.partition("?")
    assert head == (
        f"https://{HOST}/sync/v2/domainTemplates/providers/platform.example"
        "/services/custom-domain/apply"
    )
    text, _, tail = query.rpartition("&sig=")
    assert text == (
        "domain=example.com&groupId=ownership%2Calias&host=shop&target=edge.platform.example"
        "&token=a%2Bb%20c%2Fd%3D%26%25%C3%A4"
    )
    assert tail.endswith("&key=_dcpubkeyv1")
    assert given["token"] == "a+b c/d=&%\u00e4"
    public = serialization.load_der_public_key(keys.public_bytes(KEY))
    assert isinstance(public, rsa.RSAPublicKey)
    signature = base64.b64decode(given["sig"], validate=True)
    public.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert quote(given["sig"], safe="") in tail


def test_the_apex_has_no_host():
    assert "host" not in signed(host="")[1]


def test_the_key_is_published_in_as_few_records_as_it_can_be():
    records = key_records(service())
    assert len(records) == 2
    assert all(len(text) <= 255 for text in records)
    parts = [dict(pair.split("=", 1) for pair in text.split(",")) for text in records]
    assert [(part["p"], part["a"]) for part in parts] == [("1", "RS256"), ("2", "RS256")]
    whole = base64.b64decode("".join(part["d"] for part in parts), validate=True)
    assert whole == keys.public_bytes(KEY)


def test_the_template_has_what_the_repository_asks_for():
    found = template(service())
    assert json.loads(json.dumps(found)) == found
    assert service().file_name == "platform.example.custom-domain.json"
    assert found["syncPubKeyDomain"] == "dc.platform.example"
    assert set(found) <= {
        "providerId", "providerName", "serviceId", "serviceName", "version", "logoUrl",
        "description", "variableDescription", "syncPubKeyDomain", "records",
    }  # fmt: skip
    kinds = {one["groupId"]: (one["type"], one["host"]) for one in found["records"]}
    assert kinds == {
        "ownership": ("TXT", "_nameplate-challenge"),
        "alias": ("CNAME", "@"),
        "ipv4": ("A", "@"),
        "ipv6": ("AAAA", "@"),
    }
    variables = {one.get("data") or one["pointsTo"] for one in found["records"]}
    assert variables == {"nameplate-verification=%token%", "%target%", "%ipv4%", "%ipv6%"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider_id": "a/b"}, "domain_connect_id_invalid"),
        ({"provider_id": ""}, "domain_connect_id_invalid"),
        ({"service_id": "x" * 64}, "domain_connect_id_invalid"),
        ({"service_id": "x?y"}, "domain_connect_id_invalid"),
        ({"key_host": "a.b"}, "domain_connect_key_host_invalid"),
        ({"key_host": "&sig=x"}, "domain_connect_key_host_invalid"),
        ({"key": keys.new_key("ec256")}, "domain_connect_key_not_rsa"),
    ],
    ids=str,
)
def test_a_service_that_no_host_would_accept(changes, code):
    with pytest.raises(Invalid) as caught:
        service(**changes)
    assert caught.value.code == code
