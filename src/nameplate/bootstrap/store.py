"""The database and the key ring of an installation, and what else it keeps at home."""

import gc

from sqlalchemy.engine import make_url

from nameplate.adapters import keyring as keyrings
from nameplate.core.encryption import KeyRing
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.settings import Settings
from nameplate.usecases.operations import installation, rings


def collect_rarely() -> None:
    """Have the garbage collector look seldom, and never at what is imported by now.

    For a process of our own. Work on a zone makes some hundred thousand objects, none of them in a
    cycle; looking for cycles among them, and among those of every module, took a third of its time.
    Such a process switches the collector off before it imports, which takes a tenth less time then.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def sessions(settings: Settings) -> Sessions:
    """Connect (lazily) to the database of the settings. Raises Invalid `database_url_invalid`."""
    tenant = engine(settings.url.reveal())
    same = settings.system_url == settings.url
    return Sessions(tenant, None if same else engine(settings.system_url.reveal()))


def keyring(settings: Settings) -> KeyRing:
    """Load the key ring, which follows its file from then on.

    The embedded default makes its file on first use. Where secrets may be sealed already, a file that
    is missing is refused (`keyring_missing`): a new ring would open none of them.
    """
    if settings.keyring is not None:
        return keyrings.load(None, settings.keyring.reveal())
    path = settings.keyring_path
    if settings.keyring_file is None and not path.exists() and not seals(settings):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyrings.create(path)
    return keyrings.FileKeyRing(path)


def seals(settings: Settings) -> bool:
    """Tell whether the database may hold sealed secrets."""
    if settings.database_url is None and not settings.database_path.exists():
        return False
    found = sessions(settings)
    try:
        return rings.is_begun(found)
    finally:
        found.dispose()


def ready(settings: Settings) -> tuple[Sessions, KeyRing]:
    """Connect to the database and load the key ring; raises what `prepare` and `rings.check` do."""
    found = sessions(settings)
    try:
        prepare(settings, found)
        ring = keyring(settings)
        rings.check(found, ring, ring_source(settings))
    except BaseException:
        found.dispose()
        raise
    return found, ring


def prepare(settings: Settings, found: Sessions) -> None:
    """See to it that the database can be worked with; migrate it if it is the embedded default."""
    if settings.database_url is None:
        installation.migrate_default(found, settings.database_path)
    installation.check(found)


def ring_source(settings: Settings) -> str:
    """Return where the key ring comes from, for messages."""
    return "NAMEPLATE_KEYRING" if settings.keyring is not None else str(settings.keyring_path)


def edge_secret(settings: Settings) -> Secret:
    """Return what proxies must send to `/edge/route`; the default makes its file on first use."""
    return settings.edge_secret or keyrings.shared_secret(settings.edge_secret_path)


def facts(settings: Settings) -> dict[str, str]:
    """Return where a process keeps and finds things, in words and without secrets."""
    url = make_url(settings.url.reveal())
    at = url.database if url.host is None else f"{url.host}, {url.database} as {url.username}"
    recursor = settings.dns_recursor or "those of /etc/resolv.conf"
    given = settings.keyring is not None
    return {
        "database": f"{url.get_backend_name()} at {at}",
        "keyring": "the variable NAMEPLATE_KEYRING" if given else str(settings.keyring_path),
        "resolver": recursor,
    }
