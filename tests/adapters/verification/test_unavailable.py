import pytest

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.adapters.verification.unavailable import NotAvailable
from nameplate.core.errors import Refused
from nameplate.ports.verification import Verdict


def test_a_method_without_a_plug_in_says_what_to_use_instead():
    method = NotAvailable("email", ["dns_txt", "file_upload"])
    for attempt in (method.instruct, method.check):
        with pytest.raises(Refused) as raised:
            attempt("example.org", "token")
        assert raised.value.code == "method_not_available"
        assert "Use dns_txt or file_upload" in str(raised.value)


def test_memory_matches_what_is_published():
    method = MemoryMethod()
    assert method.check("example.org", "a").verdict is Verdict.ABSENT
    method.published["example.org"] = "b"
    assert method.check("example.org", "a").verdict is Verdict.MISMATCH
    assert method.check("example.org", "b").verdict is Verdict.MATCH
