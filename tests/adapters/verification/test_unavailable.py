import pytest

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.adapters.verification.unavailable import METHODS, NotAvailable
from nameplate.core.errors import Refused
from nameplate.ports.verification import Verdict


@pytest.mark.parametrize("method", METHODS)
def test_methods_not_built_yet_say_what_to_use_instead(method):
    for attempt in (NotAvailable(method).instruct, NotAvailable(method).check):
        with pytest.raises(Refused) as raised:
            attempt("example.org", "token")
        assert raised.value.code == "method_not_available"
        assert "use dns_txt or file_upload" in str(raised.value)


def test_memory_matches_what_is_published():
    method = MemoryMethod()
    assert method.check("example.org", "a").verdict is Verdict.ABSENT
    method.published["example.org"] = "b"
    assert method.check("example.org", "a").verdict is Verdict.MISMATCH
    assert method.check("example.org", "b").verdict is Verdict.MATCH
