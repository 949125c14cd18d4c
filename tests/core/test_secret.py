import copy
import json
import logging
import pickle
import traceback

import pytest

from nameplate.core.secret import Secret

CANARY = "canary-7f3a"


def test_no_way_of_printing_shows_it():
    secret = Secret(CANARY)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{secret!r}",
        "%s %r" % (secret, secret),  # noqa: UP031 - the way of old log calls
        f"{[secret]} { ({'key': secret}) }",
        ascii(secret),
    ]
    assert all(CANARY not in text for text in shown)


def test_logs_and_tracebacks_do_not_show_it(caplog):
    secret = Secret(CANARY)
    logging.getLogger("test").error("sealed %s %r", secret, {"key": secret})
    text = "".join(traceback.format_exception(ValueError(secret, {"key": secret})))
    assert CANARY not in caplog.text + text


@pytest.mark.parametrize(
    "act", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, len, hash, iter, vars, bytes]
)
def test_it_cannot_be_serialised_copied_or_measured(act):
    with pytest.raises(TypeError) as caught:
        act(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_it_compares_with_secrets_only():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("ä") == Secret("ä")
    assert not Secret("")
    assert Secret("a")
    assert Secret("a").reveal() == "a"
