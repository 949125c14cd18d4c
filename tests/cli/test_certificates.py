"""`nameplate certificate` with files: upload, replace, export, and inspection without a database."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import Program
from tests.core import bad_uploads
from tests.core.pki import DAY, NOW, Party, Pki, key_pem, pem
from tests.proof import prove

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, database_now, engine
from nameplate.models import Domain

PKI = Pki()
HOST = "shop.example.net"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return an installation with one proved domain, whose operator trusts the tests' authority."""
    home = tmp_path_factory.mktemp("home")
    (home / "roots.pem").write_text(pem(PKI.root.certificate))
    made = Program(home).with_(NAMEPLATE_TRUSTED_ROOTS=str(home / "roots.pem"))
    made("db", "upgrade")
    made("organization", "add", "Acme")
    made("domain", "add", HOST, "--organization", "acme")
    sessions = Sessions(engine(f"sqlite:///{home}/nameplate.db"))
    with sessions.begin(PLATFORM) as session:
        domain = session.scalars(Domain.visible(PLATFORM)).one()
        prove(session, domain, database_now(session))
    sessions.dispose()
    return made


def files(folder: Path, party: Party) -> tuple[str, str]:
    certificate, key = folder / "chain.pem", folder / "key.pem"
    certificate.write_text(PKI.chain(party))
    key.write_text(party.secret.reveal())
    return str(certificate), str(key)


def test_from_upload_to_removal(program: Program, tmp_path: Path) -> None:
    party = PKI.leaf(HOST)
    certificate, key = files(tmp_path, party)
    given = "certificate", "upload", "--certificate", certificate, "--key", key, "--json"
    tried = program(*given, "--dry-run").json
    assert program("certificate", "list", "--json").json["data"] == []
    made = program(*given).json
    assert (made["type"], made["names"], tried["names"]) == ("custom", [HOST], [HOST])

    shown = program("certificate", "show", made["id"]).out
    for text in ("leaf", "intermediate 1", "ecdsa-with-SHA256", made["fingerprint"], "key SHA-256"):
        assert text in shown
    assert program("certificate", "export", made["id"], "--chain").out == PKI.chain(party)
    whole = program("certificate", "export", made["id"], "--chain", "--key").out
    assert whole == PKI.chain(party) + party.secret.reveal()
    events = program("event", "list", "--json").out
    assert "certificate.key_exported" in events

    new = tmp_path / "new.p12"
    new.write_bytes(bad_uploads.packed(PKI.leaf(HOST), PKI, b"right"))
    word = tmp_path / "word"
    word.write_text("right\n")
    words = "certificate", "replace", made["id"], "--certificate", str(new), "--json"
    assert program(*words, "--password-file", str(word)).json["generation"] == 2
    program("certificate", "rm", made["id"], "--yes")


def test_a_refusal_names_the_block(program: Program, tmp_path: Path) -> None:
    certificate, key = files(tmp_path, PKI.leaf(HOST))
    Path(certificate).write_text(PKI.chain(PKI.leaf(HOST)) + Path(key).read_text())
    ran = program("certificate", "upload", "--certificate", certificate, "--key", key, expect=2)
    assert "The third block is a PRIVATE KEY." in ran.err
    assert "PRIVATE KEY-----" not in ran.err + ran.out


def inspected(folder: Path, *words: str, expect: int = 0) -> Any:
    """Inspect without a database."""
    roots = folder / "roots.pem"
    roots.write_text(pem(PKI.root.certificate))
    program = Program(folder / "nowhere").with_(NAMEPLATE_TRUSTED_ROOTS=str(roots))
    ran = program("certificate", "inspect", *words, "--json", expect=expect)
    assert not (folder / "nowhere").exists(), "no database is made for it"
    return ran.json


@pytest.mark.parametrize(
    ("text", "codes", "order", "complete"),
    [
        (PKI.chain(PKI.leaf(HOST)), [], True, True),
        (pem(PKI.intermediate.certificate) + pem(PKI.leaf(HOST).certificate), [], False, True),
        (pem(PKI.leaf(HOST).certificate), ["chain_incomplete"], True, False),
        (PKI.chain(PKI.leaf(HOST, begun=NOW - 100 * DAY)), ["expired"], True, True),
        (PKI.chain(PKI.leaf(HOST)) + key_pem(PKI.leaf().key), ["key_mismatch"], True, True),
        (PKI.chain(PKI.leaf(san=[], subject="a")), ["names_unsupported"], True, True),
    ],
)
def test_a_file(text: str, codes: list[str], order: bool, complete: bool, tmp_path: Path) -> None:
    file = tmp_path / "shop.pem"
    file.write_text(text)
    told = inspected(tmp_path, str(file), expect=1 if codes else 0)
    assert [one["code"] for one in told["problems"]] == codes
    assert (told["in_order"], told["complete"]) == (order, complete)
    assert "PRIVATE" not in json.dumps(told)


def test_a_server(tmp_path: Path) -> None:
    with server(tmp_path, PKI.leaf(HOST)) as port:
        place = "--connect", f"127.0.0.1:{port}"
        told = inspected(tmp_path, HOST, *place)
        assert (told["problems"], told["complete"]) == ([], True)
        assert [one["names"] for one in told["chain"]] == [[HOST], []]
        other = inspected(tmp_path, "other.example.net", *place, expect=1)
        assert [one["code"] for one in other["problems"]] == ["names_differ"]


def test_a_table_for_people(tmp_path: Path) -> None:
    file = tmp_path / "shop.pem"
    file.write_text(PKI.chain(PKI.leaf(HOST)))
    ran = Program(tmp_path / "nowhere")("certificate", "inspect", str(file), expect=1)
    assert "expires: in 3 months" in ran.out or "expires: in 8" in ran.out
    assert "[chain_incomplete]" in ran.out


@pytest.mark.parametrize("what", ["no such thing", "a..b", "host:99999", "[::1"])
def test_what_is_neither_file_nor_host(what: str, tmp_path: Path) -> None:
    assert inspected(tmp_path, what, expect=2)["error"]["code"] == "host_malformed"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    assert inspected(tmp_path, "127.0.0.1:1", expect=1)["error"]["code"] == "tls_failed"


@contextmanager
def server(folder: Path, party: Party) -> Iterator[int]:
    """Present a certificate on a free port of this machine."""
    certificate, key = files(folder, party)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.recv(1)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_campaigns(program: Program) -> None:
    assert "No certificates have to be replaced" in program("certificate", "campaign").out
    assert program("certificate", "campaign", "--json").json == {"object": "list", "data": []}
    asked = "certificate", "replace", "--issuer", "Nobody", "--yes"
    assert program(*asked, "--json").json["campaign"] is None
    assert "No certificates have to be replaced" in program(*asked).out
    assert program("certificate", "replace", expect=2).err
