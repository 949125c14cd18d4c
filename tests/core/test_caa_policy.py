"""CAA record sets before the rules of RFC 8659 and RFC 8657."""

import pytest

from nameplate.core.caa_policy import Applicant, CaaVerdict, verdict

URL = "https://acme.example/account/7"
US = Applicant(("letsencrypt.org",), "http-01", lambda: URL)
OK, NO = CaaVerdict.PERMITTED, CaaVerdict.EXCLUDED


@pytest.mark.parametrize(
    ("values", "name", "wildcard"),
    [
        ([], OK, OK),
        (['0 iodef "mailto:a@example.com"'], OK, OK),
        (['0 issuemail "other.example"'], OK, OK),
        (['0 issue "letsencrypt.org"'], OK, OK),
        (['0 ISSUE "LetsEncrypt.org"'], OK, OK),
        (['0 issue " letsencrypt.org ; "'], OK, OK),
        (['128 issue "letsencrypt.org"'], OK, OK),
        (['0 issue ";"'], NO, NO),
        (['0 issue ""'], NO, NO),
        (['0 issue "other.example"'], NO, NO),
        (['0 issue "other.example"', '0 issue "letsencrypt.org"'], OK, OK),
        (['0 issue "notletsencrypt.org"'], NO, NO),
        (['0 issue "sub.letsencrypt.org"'], NO, NO),
        (['0 issue "letsencrypt.org"', '0 issuewild ";"'], OK, NO),
        (['0 issue ";"', '0 issuewild "letsencrypt.org"'], NO, OK),
        (['0 issuewild "other.example"'], OK, NO),
        (['0 unknown "x"', '0 issue "letsencrypt.org"'], OK, OK),
        (['128 unknown "x"', '0 issue "letsencrypt.org"'], *[CaaVerdict.CRITICAL] * 2),
        (['255 unknown "x"'], *[CaaVerdict.CRITICAL] * 2),
        (['0 issue "letsencrypt.org; bad parameter"'], NO, NO),
        (['0 issue "letsencrypt.org; a=1; a=2"'], NO, NO),
        ([f'0 issue "letsencrypt.org; accounturi={URL}"'], OK, OK),
        (['0 issue "letsencrypt.org; accounturi=https://x/2"'], *[CaaVerdict.ACCOUNT] * 2),
        (['0 issue "letsencrypt.org; validationmethods=dns-01,http-01"'], OK, OK),
        (['0 issue "letsencrypt.org; validationmethods=dns-01"'], *[CaaVerdict.METHOD] * 2),
        (
            ['0 issue "letsencrypt.org; validationmethods=dns-01"', '0 issue "letsencrypt.org"'],
            OK,
            OK,
        ),
        (["not a record at all"], NO, NO),
    ],
)
def test_what_a_set_says(values: list[str], name: CaaVerdict, wildcard: CaaVerdict) -> None:
    assert verdict(values, US, wildcard=False) is name
    assert verdict(values, US, wildcard=True) is wildcard


def test_the_account_is_only_asked_for_where_it_matters() -> None:
    def unknown() -> str:
        raise AssertionError("nobody asks")

    asking = Applicant(("letsencrypt.org",), "http-01", unknown)
    assert verdict(['0 issue "letsencrypt.org"'], asking, wildcard=False) is OK
    assert verdict(['0 issue "x.example; accounturi=a"'], asking, wildcard=False) is NO
