"""Where a remote API and its token come from: the environment, or a file only its owner can read."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret

_KEYS = ("api_url", "token")
"""What a profile can say."""


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
    `profile_exposed`, `profile_missing`, Invalid `profile_malformed`, `token_missing`,
    `api_url_missing`.
    """
    profile = _read(_path(environment), is_named=bool(environment.get("NAMEPLATE_PROFILE")))
    given = environment.get("NAMEPLATE_API_URL")
    url = given or (profile or {}).get("api_url")
    setting = "`NAMEPLATE_API_URL`" if given else f"`api_url` in `{_path(environment)}`"
    if not url and profile is not None:
        raise Invalid(
            "profile_malformed",
            f'`{_path(environment)}` names no server. Add `api_url = "https://..."` to it, or '
            "remove the file to work on the local database.",
        )
    if not url:
        _refuse_lone_token(environment)
        return None
    if not url.startswith(("http://", "https://")):
        raise Invalid(
            "api_url_invalid",
            f"{setting} is not a URL. Expected `http://...` or `https://...`.",
        )
    token = environment.get("NAMEPLATE_TOKEN") or (profile or {}).get("token")
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


def _read(path: Path, *, is_named: bool) -> Mapping[str, str] | None:
    """Return what the file says; None where there is no file and nobody named one."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        if not is_named:
            return None
        raise Refused(
            "profile_missing",
            f"The profile `{path}` does not exist. Create it, or unset `NAMEPLATE_PROFILE`.",
        ) from None
    except OSError as error:
        raise Refused("profile_unreadable", f"Cannot read `{path}`: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Refused(
                "profile_exposed", f"Other users can read `{path}`. Run `chmod 600` on it."
            )
        try:
            found = tomllib.loads(file.read(64 * 1024).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
            raise Invalid("profile_malformed", f"`{path}` is not valid TOML.") from None
    return _checked(path, found)


def _checked(path: Path, found: Mapping[str, object]) -> Mapping[str, str]:
    """Refuse what a profile cannot say, so that a misspelled key is not silently passed over."""
    for key, value in found.items():
        if key not in _KEYS:
            expected = "` and `".join(_KEYS)
            raise Invalid("profile_malformed", f"`{path}` has {key!r}. Expected `{expected}`.")
        if not isinstance(value, str):
            raise Invalid("profile_malformed", f"`{key}` in `{path}` is not a text in quotes.")
    return {key: str(value) for key, value in found.items()}
