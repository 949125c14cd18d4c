"""Public authorities by name."""

from nameplate.core import authorities

URL = "https://acme-v02.api.letsencrypt.org/directory"


def test_a_name_stands_for_a_directory() -> None:
    assert authorities.directory_url("letsencrypt", {}) == URL
    assert authorities.directory_url("acme", {"directory_url": URL}) == URL
    assert authorities.directory_url("local", {}) == ""


def test_titles_are_those_of_people_or_hosts() -> None:
    assert authorities.title("acme", {"directory_url": URL}) == "Let's Encrypt"
    assert authorities.title("acme", {"directory_url": "https://ca.example/dir"}) == "ca.example"
    assert authorities.title("local", {}) == "local"


def test_every_one_of_them_has_its_names_for_caa() -> None:
    found = {name: set(authorities.caa_identities(name, {})) for name in authorities.KNOWN}
    assert found["letsencrypt"] == found["letsencrypt_staging"] == {"letsencrypt.org"}
    assert found["google"] == {"pki.goog"}
    assert all(found.values())
    assert authorities.caa_identities("zerossl", {"caa_identities": ["x.example"]}) == ["x.example"]


def test_what_browsers_reject_is_known() -> None:
    staging = authorities.KNOWN["letsencrypt_staging"].directory_url
    assert authorities.is_trusted("acme", {"directory_url": URL})
    assert not authorities.is_trusted("acme", {"directory_url": staging})
    assert not authorities.is_trusted("local", {})
