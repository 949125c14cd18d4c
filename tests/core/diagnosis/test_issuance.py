"""Which CAA records keep the authority from issuing."""

import pytest
from tests.core.diagnosis.seen import checks, data, look, none, silent

NONE = look("CAA", none())


@pytest.mark.parametrize(
    ("values", "wildcard", "excluded"),
    [
        (['0 issue "letsencrypt.org"'], False, False),
        (['0 issue "letsencrypt.org; validationmethods=dns-01"'], False, False),
        (['0 issue "digicert.com"'], False, True),
        (['0 issue ";"'], False, True),
        (['0 issue "digicert.com"', '0 issue "letsencrypt.org"'], False, False),
        (['0 iodef "mailto:x@example.com"'], False, False),
        (['0 issuewild ";"'], False, False),
        (['0 issuewild ";"'], True, True),
        (['0 issue "digicert.com"', '0 issuewild "letsencrypt.org"'], True, False),
        (['0 issue "digicert.com"'], True, True),
    ],
)
def test_the_nearest_set_decides(values: list[str], wildcard: bool, excluded: bool) -> None:
    above = look("CAA", data(*values), name="example.com")
    found = checks(caa=(NONE, above), is_wildcard=wildcard)
    assert found == (["caa_excludes"] if excluded else [])


def test_the_set_further_up_does_not_count() -> None:
    own = look("CAA", data('0 issue "letsencrypt.org"'))
    above = look("CAA", data('0 issue ";"'), name="example.com")
    assert checks(caa=(own, above)) == []


def test_an_authority_that_is_not_known_is_not_excluded() -> None:
    assert checks(caa=(look("CAA", data('0 issue ";"')),), authorities=frozenset()) == []


def test_no_answer_is_no_permission() -> None:
    assert checks(caa=(look("CAA", silent(kind="servfail")), NONE)) == ["caa_not_answered"]
