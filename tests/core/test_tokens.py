import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import tokens
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

random_bytes = st.binary(min_size=20, max_size=64)


@given(random_bytes)
def test_a_token_parses_to_its_key_id(random):
    made = tokens.api_token("k3y", random)
    text = made.secret.reveal()
    assert text.startswith("np_k3y_")
    assert tokens.parse_api_token(text) == made
    assert made.digest == tokens.digest(Secret(text))
    assert len(made.digest) == 64


@given(random_bytes, random_bytes)
def test_different_randomness_gives_different_tokens(first, second):
    if len(first) == len(second):
        made = [tokens.api_token("k", random).secret for random in (first, second)]
        assert (made[0] == made[1]) == (first == second)
        proofs = [tokens.verification_token(random) for random in (first, second)]
        assert (proofs[0] == proofs[1]) == (first == second)


@given(st.integers(0, 100), st.sampled_from(string.ascii_letters + string.digits + "_ \n"))
def test_one_wrong_character_is_noticed_without_a_query(place, char):
    text = tokens.api_token("k3y", bytes(range(24))).secret.reveal()
    place %= len(text)
    wrong = text[:place] + char + text[place + 1 :]
    if wrong == text:
        return
    with pytest.raises(Invalid) as caught:
        tokens.parse_api_token(wrong)
    assert caught.value.code == "token_malformed"
    assert text[8:20] not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "np_", "np_k__", "np_k_" + "a" * 33, "x" * 10**6, "np_K_" + "a" * 33 + "_000000"]
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(Invalid) as caught:
        tokens.parse_api_token(text)
    assert caught.value.code == "token_malformed"


@pytest.mark.parametrize("size", [0, 19, 65])
def test_too_little_randomness_is_refused(size):
    for make in (lambda random: tokens.api_token("k", random), tokens.verification_token):
        with pytest.raises(ValueError, match="random bytes"):
            make(os.urandom(size))


def test_a_proof_token_is_safe_everywhere_and_long_enough():
    token = tokens.verification_token(bytes(20))
    assert len(token) == 32
    assert set(tokens.verification_token(os.urandom(64))) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_the_token_does_not_print():
    made = tokens.api_token("k", os.urandom(24))
    assert made.secret.reveal() not in repr(made)
