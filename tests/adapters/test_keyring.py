import base64
import multiprocessing
import os
from pathlib import Path

import pytest

from nameplate.adapters import keyring
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.secret import Secret

PLACE = Place("accounts", "credential", 1, 1)
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(50, 82))).decode()


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def code_of(act, *args) -> str:
    with pytest.raises(NameplateError) as caught:
        act(*args)
    detail = caught.value.detail
    assert "\n" not in detail
    assert KEY[:6] not in detail
    assert OTHER[:6] not in detail
    assert caught.value.__cause__ is None
    return caught.value.code


def test_the_first_key_of_file_or_environment_seals(tmp_path):
    for ring in (
        keyring.load(written(tmp_path, f"a:{KEY}\nb:{OTHER}\n"), None),
        keyring.load(None, f"a:{KEY},b:{OTHER}"),
        keyring.load(tmp_path / "absent", f" a:{KEY} ,\r\n b:{OTHER} \n\n"),
    ):
        assert ring.primary == "a"
        assert ring.key_ids == ("a", "b")


def test_a_new_file_is_private_and_made_once(tmp_path):
    path = tmp_path / "home" / "keys"
    previous = os.umask(0)
    try:
        ring = keyring.create(path)
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    sealed = ring.seal(Secret("s"), PLACE)
    assert keyring.create(path).open(sealed, PLACE) == Secret("s")
    assert os.listdir(path.parent) == ["keys"]  # noqa: PTH208 - names are what counts


def _create(path: str, start, queue) -> None:
    start.wait()
    queue.put(keyring.create(Path(path)).primary)


def _add(path: str, start, queue) -> None:
    start.wait()
    queue.put(keyring.add_key(Path(path)).primary)


def race(act, path: Path, count: int = 8) -> list[str]:
    context = multiprocessing.get_context("fork")
    start, queue = context.Event(), context.Queue()
    processes = [context.Process(target=act, args=(str(path), start, queue)) for _ in range(count)]
    for process in processes:
        process.start()
    start.set()
    found = [queue.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(30)
    return found


def test_processes_that_race_to_create_agree_on_one_key(tmp_path):
    for attempt in range(5):
        path = tmp_path / str(attempt) / "keys"
        assert len(set(race(_create, path))) == 1
        assert [entry.name for entry in path.parent.iterdir()] == ["keys"]


def test_processes_that_race_to_add_keep_every_key(tmp_path):
    path = tmp_path / "keys"
    first = keyring.create(path).primary
    race(_add, path)
    ring = keyring.load(path, None)
    assert len(ring.key_ids) == 9
    assert ring.key_ids[-1] == first


def test_an_added_key_seals_and_the_old_ones_still_open(tmp_path):
    path = tmp_path / "keys"
    sealed = keyring.create(path).seal(Secret("s"), PLACE)
    ring = keyring.add_key(path)
    assert ring.open(sealed, PLACE) == Secret("s")
    assert ring.rewrap(sealed, PLACE) != sealed
    assert keyring.load(path, None).primary == ring.primary
    assert path.stat().st_mode & 0o777 == 0o600


def test_adding_through_a_link_replaces_the_file_behind_it(tmp_path):
    (tmp_path / "real").mkdir()
    path = written(tmp_path / "real", f"a:{KEY}")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert len(keyring.add_key(link).key_ids) == 2
    assert link.is_symlink()
    assert len(keyring.load(path, None).key_ids) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own files of others")
def test_root_leaves_the_file_to_its_owner(tmp_path):
    path = written(tmp_path, f"a:{KEY}")
    os.chown(path, 65534, 65534)
    keyring.add_key(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o644, 0o777, 0o610])
def test_a_file_that_others_can_use_is_refused(tmp_path, mode):
    path = written(tmp_path, f"a:{KEY}", mode)
    before = path.read_bytes()
    for act in (keyring.create, keyring.add_key, lambda path: keyring.load(path, None)):
        assert code_of(act, path) == "keyring_exposed"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "keyring_malformed"),
        ("\n\n", "keyring_malformed"),
        (KEY, "keyring_malformed"),
        (f"{KEY}:a", "keyring_malformed"),
        (f"a={KEY}", "keyring_malformed"),
        (f"a:{KEY[:-3]}", "keyring_malformed"),
        (f"a:{KEY}!", "keyring_malformed"),
        (f"a:{KEY}\na:{OTHER}", "keyring_malformed"),
        (f"a b:{KEY}", "keyring_malformed"),
        (f"a:{KEY}\nb:", "keyring_weak"),
        ("a:" + base64.b64encode(bytes(32)).decode(), "keyring_weak"),
        ("a:" + base64.b64encode(b"short").decode(), "keyring_weak"),
        (b"\xff\xfe\x00a", "keyring_malformed"),
        (b"\0" * 100, "keyring_malformed"),
        (b"a" * 70_000, "keyring_malformed"),
    ],
)
def test_a_corrupt_file_gets_one_clear_line(tmp_path, text, code):
    path = written(tmp_path, text)
    for act in (lambda path: keyring.load(path, None), keyring.create, keyring.add_key):
        with pytest.raises(Invalid) as caught:
            act(path)
        assert str(path) in caught.value.detail, "which file it is must be said"
        assert code_of(act, path) == code
    assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_a_corrupt_environment_is_told_from_the_file():
    with pytest.raises(Invalid, match="environment"):
        keyring.load(None, f"a:{KEY},b")


def test_absent_and_unreadable_files(tmp_path):
    assert code_of(keyring.load, None, None) == "keyring_missing"
    assert code_of(keyring.load, None, "") == "keyring_missing"
    assert code_of(keyring.load, tmp_path / "absent", None) == "keyring_missing"
    assert code_of(keyring.add_key, tmp_path / "absent") == "keyring_missing"
    assert code_of(keyring.add_key, tmp_path / "absent" / "keys") == "keyring_unreadable"
    assert code_of(keyring.load, tmp_path, None) == "keyring_unreadable"
    written(tmp_path, "")
    assert code_of(keyring.create, tmp_path / "keys" / "below") == "keyring_unreadable"


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Refused):
        keyring.load(tmp_path / "pipe", None)


def test_what_is_loaded_is_a_ring(tmp_path):
    assert isinstance(keyring.create(tmp_path / "keys"), KeyRing)
