"""What is remembered between two configurations, and what makes it be read again."""

import os
import time
from pathlib import Path

import pytest

from nameplate.adapters.proxy import remembered
from nameplate.adapters.proxy.remembered import FileDigests, FolderMemory, Remembered, digest


def test_values_are_kept_within_their_room() -> None:
    kept: Remembered[str] = Remembered(10)
    for key in "abc":
        kept.keep(key, key, 4)
        if key == "b":  # what was used last stays
            kept.keep("a", kept.take("a") or "", 4)
    assert [key for key in "abc" if kept.take(key)] == ["a", "c"]


def test_who_takes_a_value_has_it_alone() -> None:
    kept: Remembered[str] = Remembered(10)
    kept.keep("a", "value", 1)
    assert (kept.take("a"), kept.take("a")) == ("value", None)


def test_a_small_work_leaves_what_a_large_one_has_alone() -> None:
    kept: Remembered[list[int]] = Remembered(10_000)
    for size, expected in ((1000, []), (5, []), (1000, [1000]), (1001, [1000, 1000])):
        with kept.using("a", size, list) as found:
            assert found == expected
            found.append(size)


def test_what_a_failed_work_has_left_is_forgotten() -> None:
    kept: Remembered[list[int]] = Remembered(10_000)
    kept.keep("a", [1], 1000)

    def fail() -> None:
        with kept.using("a", 1000, list):
            raise ValueError("half done")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert kept.take("a") is None


def listed(folder: Path) -> set[str]:
    return set(os.listdir(folder))  # noqa: PTH208 - names


def test_a_folder_is_read_again_when_a_file_comes_or_goes(tmp_path: Path) -> None:
    read: list[Path] = []

    def reading(folder: Path) -> set[str]:
        read.append(folder)
        return listed(folder)

    memory = FolderMemory(reading)
    (tmp_path / "a").touch()
    assert memory.look(tmp_path) == memory.look(tmp_path) == {"a"}
    assert len(read) == 1
    with memory.changing(tmp_path) as names:
        (tmp_path / "b").touch()
        names.add("b")
    assert memory.look(tmp_path) == {"a", "b"}
    assert len(read) == 1
    time.sleep(0.02)
    (tmp_path / "a").unlink()  # by somebody else
    assert memory.look(tmp_path) == {"b"}


def test_a_folder_is_read_again_after_a_change_that_failed(tmp_path: Path) -> None:
    memory = FolderMemory(listed)
    memory.look(tmp_path)

    def write() -> None:
        with memory.changing(tmp_path) as names:
            names.add("never-written")
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        write()
    assert memory.look(tmp_path) == set()


def test_a_folder_is_not_believed_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = FolderMemory(listed)
    memory.look(tmp_path).add("imagined")
    assert memory.look(tmp_path) == {"imagined"}
    monkeypatch.setattr(remembered, "BELIEVED", 0.0)
    assert memory.look(tmp_path) == set()


def test_a_file_that_somebody_has_written_in_place_has_another_digest(tmp_path: Path) -> None:
    digests = FileDigests()
    path = tmp_path / "a.yaml"
    path.write_bytes(b"one")
    assert digests.look(tmp_path) == {"a.yaml": digest(b"one")}
    before = path.stat()
    path.write_bytes(b"two")  # of the same length, and with the same time of change
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.look(tmp_path) == {"a.yaml": digest(b"two")}
    (tmp_path / "folder").mkdir()
    assert digests.look(tmp_path) == {"a.yaml": digest(b"two"), "folder": b""}
    path.unlink()
    assert set(digests.look(tmp_path)) == {"folder"}


def test_an_untouched_file_is_not_read_again(tmp_path: Path) -> None:
    digests = FileDigests()
    path = tmp_path / "a.yaml"
    path.write_bytes(b"one")
    digests.look(tmp_path)
    time.sleep(0.15)  # until no other change could bear the same time
    digests.look(tmp_path)
    known = digests._known.take(tmp_path) or {}
    digests._known.keep(
        tmp_path, {name: one._replace(digest=b"known") for name, one in known.items()}, 1
    )
    assert digests.look(tmp_path) == {"a.yaml": b"known"}
