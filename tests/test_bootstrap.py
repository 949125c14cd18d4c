"""Wiring: what is logged, and what is refused with one clear line."""

import io
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nameplate import bootstrap, logs
from nameplate.core import keys
from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret
from nameplate.settings import Settings

LOGGER = logging.getLogger("nameplate")


def test_a_logged_failure_shows_no_value_of_a_variable():
    before = vars(LOGGER).copy()
    stream = io.StringIO()
    logs.to(stream)
    secret = f"the-secret-{os.getpid()}"
    try:
        _fail(secret)
    except ZeroDivisionError as error:
        logging.getLogger("nameplate.worker").warning(
            "step_failed", extra={"rows": [1, 2]}, exc_info=error
        )
        logging.getLogger("nameplate.worker").debug("unimportant")
    finally:
        vars(LOGGER).update(before)
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["level"], line["rows"]) == ("step_failed", "warning", [1, 2])
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
    assert "ZeroDivisionError" in line["exception"]
    assert "_fail" in line["exception"]
    assert secret not in stream.getvalue()


def _fail(secret: str) -> None:
    if secret:
        raise ZeroDivisionError


def test_a_resolver_without_a_port_is_refused(tmp_path):
    settings = Settings(home=tmp_path, dns_recursor="192.0.2.1")
    with pytest.raises(Invalid, match="not an address and a port"):
        bootstrap.tools(settings, bootstrap.keyring(settings))


def test_the_embedded_key_ring_is_made_once_and_for_its_owner_alone(tmp_path):
    settings = Settings(home=tmp_path / "new")
    first = bootstrap.keyring(settings)
    assert settings.keyring_path.stat().st_mode & 0o777 == 0o600
    assert bootstrap.keyring(settings).key_ids == first.key_ids


def _domain_connect(tmp_path, **changes):
    key_file = tmp_path / "key.pem"
    if not key_file.exists():
        key_file.write_text(keys.new_key("rsa2048").reveal())
        key_file.chmod(0o600)
    given = {"domain_connect_provider_id": "platform.example", "domain_connect_key_file": key_file}
    settings = Settings(home=tmp_path, **{**given, **changes})
    return bootstrap.tools(settings, bootstrap.keyring(settings)).domain_connect


def test_domain_connect_needs_an_id_and_a_key(tmp_path):
    connect = _domain_connect(tmp_path)
    assert connect is not None
    assert connect.service.key_domain == connect.service.provider_name == "platform.example"
    assert _domain_connect(tmp_path, domain_connect_provider_id=None) is None
    with pytest.raises(Invalid, match="links must be signed"):
        _domain_connect(tmp_path, domain_connect_key_file=None)


def test_a_signing_key_that_others_can_read_is_refused(tmp_path):
    _domain_connect(tmp_path)
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(Refused, match="Other users can read"):
        _domain_connect(tmp_path)


def test_the_edge_has_a_secret_from_the_first_start(tmp_path: Path) -> None:
    made = bootstrap.edge_secret(Settings(home=tmp_path / "home"))
    file = tmp_path / "home" / "edge-secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(made.reveal()) >= 32
    assert bootstrap.edge_secret(Settings(home=tmp_path / "home")) == made
    given = Settings(home=tmp_path / "home", edge_secret=Secret("given"))
    assert bootstrap.edge_secret(given) == Secret("given")
    file.chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        bootstrap.edge_secret(Settings(home=tmp_path / "home"))
    file.unlink()
    file.write_text("\n")
    file.chmod(0o600)
    with pytest.raises(Invalid, match="32 characters"):
        bootstrap.edge_secret(Settings(home=tmp_path / "home"))
