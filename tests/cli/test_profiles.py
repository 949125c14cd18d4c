"""Where a remote API and its token come from."""

from pathlib import Path

import pytest

from nameplate.cli import profiles
from nameplate.core.errors import NameplateError


def profile(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = tmp_path / "profile.toml"
    path.write_text(text)
    path.chmod(mode)
    return {"NAMEPLATE_PROFILE": str(path)}


def test_nothing_said_means_embedded(tmp_path: Path) -> None:
    assert profiles.remote({"XDG_CONFIG_HOME": str(tmp_path / "none")}) is None


def test_a_profile_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NameplateError) as caught:
        profiles.remote({"NAMEPLATE_PROFILE": str(tmp_path / "none")})
    assert caught.value.code == "profile_missing"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    environment = profile(tmp_path, 'api_url = "https://one.example"\ntoken = "np_file"')
    found = profiles.remote(environment)
    assert found is not None
    assert (found.url, found.token.reveal()) == ("https://one.example", "np_file")
    more = {"NAMEPLATE_API_URL": "https://two.example/", "NAMEPLATE_TOKEN": "np_env"}
    found = profiles.remote({**environment, **more})
    assert found is not None
    assert (found.url, found.token.reveal()) == ("https://two.example", "np_env")


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        ('api_url = "https://a.example"\ntoken = "np_x"', 0o644, "profile_exposed"),
        ('api_url = "https://a.example"\ntoken = "np_x"', 0o620, "profile_exposed"),
        ('api_url = "https://a.example"', 0o600, "token_missing"),
        ('api_url = "file:///etc/passwd"\ntoken = "np_x"', 0o600, "api_url_invalid"),
        ("api_url = ", 0o600, "profile_malformed"),
        ("", 0o600, "profile_malformed"),
        ('token = "np_x"', 0o600, "profile_malformed"),
        ('url = "https://a.example"\ntoken = "np_x"', 0o600, "profile_malformed"),
        ('api_url = "https://a.example"\ntokens = "np_x"', 0o600, "profile_malformed"),
        ('api_url = ["https://a.example"]\ntoken = "np_x"', 0o600, "profile_malformed"),
    ],
)
def test_refused_profiles(tmp_path: Path, text: str, mode: int, code: str) -> None:
    with pytest.raises(NameplateError) as caught:
        profiles.remote(profile(tmp_path, text, mode))
    assert caught.value.code == code
    assert "np_x" not in caught.value.detail
