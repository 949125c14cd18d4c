import base64
import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.core.encryption import KeyRing, Place, key_id
from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret

OLD = bytes(range(32))
NEW = bytes(range(100, 132))
PLACE = Place("ssl_certificates", "private_key", 7, 42)


def ring(primary: str = "old") -> KeyRing:
    return KeyRing({"old": OLD, "new": NEW}, primary)


def test_what_was_sealed_opens_in_its_place():
    sealed = ring().seal(Secret("-----BEGIN PRIVATE KEY-----"), PLACE)
    assert ring().open(sealed, PLACE) == Secret("-----BEGIN PRIVATE KEY-----")
    assert key_id(sealed) == "old"
    assert sealed.startswith("v1:old:")
    assert sealed.count(":") == 3
    assert sealed.isascii()
    assert "PRIVATE" not in sealed


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_any_text_comes_back(text):
    assert ring().open(ring().seal(Secret(text), PLACE), PLACE).reveal() == text


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, organization_id=8),
        replace(PLACE, organization_id=None),
        replace(PLACE, row_id=43),
        replace(PLACE, column="certificate"),
        replace(PLACE, table="accounts"),
        Place("ssl_certificatesp", "rivate_key", 7, 42),
        Place("ssl_certificates", "private_key", 74, 2),
    ],
)
def test_a_moved_value_neither_opens_nor_is_rewrapped(elsewhere):
    sealed = ring().seal(Secret("s"), PLACE)
    for act in (ring().open, ring("new").rewrap, ring().rewrap):
        with pytest.raises(Refused) as caught:
            act(sealed, elsewhere)
        assert caught.value.code == "ciphertext_moved_or_damaged"


def test_parts_of_two_values_of_one_place_do_not_combine():
    first, second = (ring().seal(Secret(text), PLACE) for text in "ab")
    mixed = first.rpartition(":")[0] + ":" + second.rpartition(":")[2]
    with pytest.raises(Refused, match="does not belong"):
        ring().open(mixed, PLACE)


@pytest.mark.parametrize("part", [2, 3])
def test_every_changed_bit_is_noticed(part):
    parts = ring().seal(Secret("secret"), PLACE).split(":")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    for place in range(len(raw)):
        raw[place] ^= 1
        changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        with pytest.raises(Refused) as caught:
            ring().open(":".join([*parts[:part], changed, *parts[part + 1 :]]), PLACE)
        assert caught.value.code == "ciphertext_moved_or_damaged"
        raw[place] ^= 1


def test_a_value_under_another_key_id_does_not_open():
    sealed = ring().seal(Secret("s"), PLACE).replace("v1:old:", "v1:new:")
    with pytest.raises(Refused) as caught:
        ring().open(sealed, PLACE)
    assert caught.value.code == "ciphertext_moved_or_damaged"


def test_an_unknown_key_is_named_as_such():
    sealed = ring("new").seal(Secret("s"), PLACE)
    lone = KeyRing({"old": OLD}, "old")
    for act in (lone.open, lone.rewrap):
        with pytest.raises(Refused) as caught:
            act(sealed, PLACE)
        assert caught.value.code == "key_unknown"


GOOD = ring().seal(Secret("s"), PLACE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "v1:old",
        "v2" + GOOD[2:],
        GOOD + ":x",
        GOOD + "=",
        GOOD + "!",
        GOOD.replace("v1:old:", "v1::"),
        GOOD.replace("v1:old:", "v1:o d:"),
        "v1:old::",
        "v1:old:AAAA:AAAA",
        GOOD.rpartition(":")[0] + ":",
        GOOD.rpartition(":")[0] + ":AAAA",
        GOOD.rpartition(":")[0] + ":ÄÄÄÄ",
        "-----BEGIN PRIVATE KEY-----",
    ],
    ids=[f"case{number}" for number in range(15)],  # the texts are new in each process
)
def test_what_is_no_sealed_value_is_malformed(text):
    with pytest.raises(Invalid) as caught:
        ring().open(text, PLACE)
    assert caught.value.code == "ciphertext_malformed"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text(":v1oldAZ_-", max_size=80).map("v1:old:{}".format))
def test_nothing_but_our_errors_comes_out_of_wild_text(text):
    with pytest.raises((Invalid, Refused)):
        ring().open(text, PLACE)


def test_rewrapping_changes_the_data_key_only_and_twice_is_once():
    sealed = ring("old").seal(Secret("s"), PLACE)
    rewrapped = ring("new").rewrap(sealed, PLACE)
    assert key_id(rewrapped) == "new"
    assert rewrapped.rpartition(":")[2] == sealed.rpartition(":")[2], "the ciphertext itself stays"
    assert ring("new").rewrap(rewrapped, PLACE) == rewrapped
    assert KeyRing({"new": NEW}, "new").open(rewrapped, PLACE) == Secret("s")


def test_equal_secrets_do_not_look_equal():
    parts = [ring().seal(Secret("s"), PLACE).split(":") for _ in range(2)]
    assert parts[0][2] != parts[1][2]
    assert parts[0][3] != parts[1][3]


def test_each_purpose_has_its_own_key():
    derived = {ring().derive("cursor"), ring().derive("audit"), ring("new").derive("cursor"), OLD}
    assert len(derived) == 4
    assert ring().derive("cursor") == ring().derive("cursor")
    assert ring().derive("cursor", key="new") == ring("new").derive("cursor")
    assert len(ring().derive("cursor")) == 32
    with pytest.raises(Refused, match="key ring"):
        ring().derive("cursor", key="gone")


@pytest.mark.parametrize(
    ("keys", "primary", "code"),
    [
        ({"a": OLD}, "b", "keyring_malformed"),
        ({}, "a", "keyring_malformed"),
        ({"a:b": OLD}, "a:b", "keyring_malformed"),
        ({"": OLD}, "", "keyring_malformed"),
        ({"a\n": OLD}, "a\n", "keyring_malformed"),
        ({"a": OLD[:31]}, "a", "keyring_weak"),
        ({"a": OLD + b"x"}, "a", "keyring_weak"),
        ({"a": bytes(32)}, "a", "keyring_weak"),
        ({"a": OLD, "b": b"\xff" * 32}, "a", "keyring_weak"),
    ],
)
def test_weak_and_malformed_rings_are_refused(keys, primary, code):
    with pytest.raises(Invalid) as caught:
        KeyRing(keys, primary)
    assert caught.value.code == code


def test_a_ring_shows_its_ids_and_nothing_else():
    assert repr(ring()) == str(ring()) == "KeyRing(old, new)"
    assert ring().key_ids == ("old", "new")
    assert ring("new").primary == "new"
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            act(ring())
