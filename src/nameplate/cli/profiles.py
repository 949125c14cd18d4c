"""Where a remote API and its token come from: the environment, or a file only its owner can read."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Remote:
    """An API elsewhere."""

    url: str
    token: Secret
    setting: str
    """What named the address, as it is written: a variable, or a key of the profile file."""


def remote(environment: Mapping[str, str]) -> Remote | None:
    """Return the API that `NAMEPLATE_API_URL` or the profile file names; None: work embedded.

    `NAMEPLATE_TOKEN` goes before the file's token. The address may end in `/` or `/v1`. Raises Refused
    `profile_exposed`, Invalid `profile_malformed`, `token_missing`, `api_url_missing`.
    """
    profile = _read(_path(environment))
    given = environment.get("NAMEPLATE_API_URL")
    url = given or profile.get("api_url")
    setting = "`NAMEPLATE_API_URL`" if given else f"`api_url` in `{_path(environment)}`"
    if not url:
        _refuse_lone_token(environment)
        return None
    if not url.startswith(("http://", "https://")):
        raise Invalid(
            "api_url_invalid",
            f"{setting} is not a URL. Expected `http://...` or `https://...`.",
        )
    token = environment.get("NAMEPLATE_TOKEN") or profile.get("token")
    if not token:
        raise Invalid(
            "token_missing",
            f"No token for {url}. Set `NAMEPLATE_TOKEN`, or put `token = "
            f'"np_..."` in `{_path(environment)}` (mode 0600).',
        )
    base = url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    return Remote(base, Secret(token.strip()), setting)


def _refuse_lone_token(environment: Mapping[str, str]) -> None:
    """Refuse a token for no address: without it the command would work on a database of its own."""
    if environment.get("NAMEPLATE_TOKEN"):
        raise Invalid(
            "api_url_missing",
            "`NAMEPLATE_TOKEN` is set, but no address to use it at. Set `NAMEPLATE_API_URL`, or unset "
            "the token to work on the local database.",
        )


def _path(environment: Mapping[str, str]) -> Path:
    given = environment.get("NAMEPLATE_PROFILE")
    if given:
        return Path(given)
    folder = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "nameplate" / "profile.toml"


def _read(path: Path) -> Mapping[str, str]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused("profile_unreadable", f"Cannot read `{path}`: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Refused(
                "profile_exposed", f"Other users can read `{path}`. Run `chmod 600` on it."
            )
        try:
            found = tomllib.loads(file.read(64 * 1024).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise Invalid("profile_malformed", f"`{path}` is not valid TOML.") from None
    return {key: value for key, value in found.items() if isinstance(value, str)}
