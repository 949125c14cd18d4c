# ruff: noqa: RUF001 - look-alikes are what this is about
import json
import time
import unicodedata
from pathlib import Path

import idna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.names_table import REFUSED

from nameplate.core import names, suffixes
from nameplate.core.errors import Invalid

DATA = Path(__file__).parents[2] / "../shared/data/idna/punycode_tests.json"

ACCEPTED = (
    ("example.com", "example.com", "example.com", "example.com", None),
    ("Example.COM.", "example.com", "example.com", "example.com", None),
    ("www.Example.co.uk", "www.example.co.uk", "www.example.co.uk", "example.co.uk", "www"),
    ("faß.de", "xn--fa-hia.de", "faß.de", "xn--fa-hia.de", None),
    ("FAẞ.de", "xn--fa-hia.de", "faß.de", "xn--fa-hia.de", None),
    ("XN--FA-HIA.DE", "xn--fa-hia.de", "faß.de", "xn--fa-hia.de", None),
    ("fass.de", "fass.de", "fass.de", "fass.de", None),
    ("cafe\u0301.fr", "xn--caf-dma.fr", "café.fr", "xn--caf-dma.fr", None),
    ("CAFÉ.fr", "xn--caf-dma.fr", "café.fr", "xn--caf-dma.fr", None),
    ("example。com", "example.com", "example.com", "example.com", None),
    ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com", "example.com", "example.com", None),
    ("ｶﾞ.jp", "xn--mck.jp", "ガ.jp", "xn--mck.jp", None),
    ("BÜCHER.example.com", "xn--bcher-kva.example.com", "bücher.example.com", "example.com", "xn--bcher-kva"),
    ("אב.com", "xn--4dbc.com", "אב.com", "xn--4dbc.com", None),
    ("city.kobe.jp", "city.kobe.jp", "city.kobe.jp", "city.kobe.jp", None),
    ("www.ck", "www.ck", "www.ck", "www.ck", None),
    ("a.b.github.io", "a.b.github.io", "a.b.github.io", "github.io", "a.b"),
    ("amazonaws.com", "amazonaws.com", "amazonaws.com", "amazonaws.com", None),
    ("1.2.3.4.com", "1.2.3.4.com", "1.2.3.4.com", "4.com", "1.2.3"),
    ("0x1.com", "0x1.com", "0x1.com", "0x1.com", None),
    ("beef.cafe", "beef.cafe", "beef.cafe", "beef.cafe", None),
    ("пример.рф", "xn--e1afmkfd.xn--p1ai", "пример.рф", "xn--e1afmkfd.xn--p1ai", None),
    ("a.公司.cn", "a.xn--55qx5d.cn", "a.公司.cn", "a.xn--55qx5d.cn", None),
    ("a.b.c.d.e.f.g.h.example.com", "a.b.c.d.e.f.g.h.example.com",
     "a.b.c.d.e.f.g.h.example.com", "example.com", "a.b.c.d.e.f.g.h"),
    (f"{'a' * 63}.com", f"{'a' * 63}.com", f"{'a' * 63}.com", f"{'a' * 63}.com", None),
)  # fmt: skip


def parsed(text: str, **flags: bool) -> names.Hostname | None:
    """Return the name, or None when it is refused in the proper way."""
    try:
        return names.parse(text, **flags)
    except Invalid as error:
        if not (error.code.startswith("name_") and error.detail.isprintable()):
            raise
        return None


def refusal(text: str, **flags: bool) -> Invalid:
    with pytest.raises(Invalid) as caught:
        names.parse(text, **flags)
    return caught.value


@pytest.mark.parametrize(("text", "code"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_bad_names_are_refused_each_with_its_code(text, code):
    error = refusal(text)
    assert error.code == code
    assert error.detail.isprintable(), "a message may not carry control characters of the input"
    assert len(error.detail) < 200


def test_the_table_is_wide_enough():
    assert len({text for text, _ in REFUSED}) == len(REFUSED) >= 120


@pytest.mark.parametrize(("text", "name", "unicode", "registrable", "subdomain"), ACCEPTED)
def test_good_names_get_both_forms(text, name, unicode, registrable, subdomain):
    host = names.parse(text)
    assert (host.name, host.unicode, host.registrable, host.subdomain) == (
        name,
        unicode,
        registrable,
        subdomain,
    )
    assert names.parse(host.name) == host == names.parse(host.unicode)
    assert str(host) == name
    assert not host.wildcard


@pytest.mark.parametrize("letter", ["\u09df", "\u0958", "\u0a33", "\ufb2e", "\u0b5c"])
def test_letters_that_composition_takes_apart_are_accepted(letter):
    """Today `name_mapped`, although both spellings are one name for everybody."""
    apart = unicodedata.normalize("NFC", letter)
    assert len(apart) == 2
    word = letter * 2
    assert names.parse(f"{word}.com") == names.parse(f"{apart * 2}.com")
    assert names.parse(f"{word}.com").unicode == f"{apart * 2}.com"


@pytest.mark.parametrize("char", ["\u212a", "\u212b", "\uf900", "\u2126"])
def test_characters_that_stand_for_another_are_still_refused(char):
    assert refusal(f"{char}a.com").code == "name_mapped"


def test_characters_newer_than_the_tables_are_said_to_be():
    """Today: "Software reads it as another character or drops it"."""
    newer = chr(next(n for n in range(0xA7CB, 0x1FFFF) if unicodedata.category(chr(n)) == "Cn"))
    for text in (f"{newer}a.com", f"xn--{f'{newer}a'.encode('punycode').decode()}.com"):
        error = refusal(text)
        assert error.code in {"name_character_newer", "name_idna"}
    assert refusal(f"{newer}a.com").code == "name_character_newer"
    assert unicodedata.unidata_version in refusal(f"{newer}a.com").detail


def test_a_canonical_name_is_shown_in_letters():
    assert names.shown("xn--mnchen-3ya.de") == "münchen.de"
    assert names.shown("*.xn--mnchen-3ya.de") == "*.münchen.de"
    assert names.shown("shop.example.com") == "shop.example.com"
    assert names.shown("xn--a.example") == "xn--a.example"


def test_two_spellings_of_one_name_are_equal_and_sharp_s_is_its_own():
    assert names.parse("FAß.de.") == names.parse("xn--fa-hia.de") != names.parse("fass.de")


def test_the_longest_name_fits_and_one_more_octet_does_not():
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 57, "com"])
    assert len(longest) == 253
    assert names.parse(longest + ".").name == longest
    assert refusal("d" + longest[1:].replace("d.", "dd.")).code == "name_too_long"
    assert refusal("*." + longest, wildcard=True).code == "name_too_long"


def test_wildcards_stand_first_whole_and_below_what_one_owner_has():
    host = names.parse("*.Shop.example.com", wildcard=True)
    assert host.name == host.unicode == "*.shop.example.com"
    assert host.wildcard
    assert host.subdomain == "*.shop"
    assert host.parents() == ("shop.example.com", "example.com")
    assert names.parse("*.bücher.de", wildcard=True).unicode == "*.bücher.de"
    assert names.parse("*.אב.com", wildcard=True).wildcard
    for text in ("*.com", "*.co.uk", "*.foo.ck", "*.ck", "*.github.io", "*.s3.amazonaws.com"):
        assert refusal(text, wildcard=True).code == "name_wildcard_suffix"
        assert refusal(text, wildcard=True, private_suffix=True).code == "name_wildcard_suffix"
    for text in ("*", "**.a.com", "a.*.com", "f*.a.com", "*a.com", "*.*.a.com", "ü.*.com"):
        assert refusal(text, wildcard=True).code == "name_wildcard"
    assert refusal("*.test", wildcard=True, special_use=True).code == "name_wildcard_suffix"
    assert refusal("*.a.b.c.d.e.f.g.h.example.com", wildcard=True).code == "name_too_many_labels"
    assert refusal("*.127.0.0.1", wildcard=True).code == "name_tld_numeric"


def test_service_labels_stand_left_of_the_registrable_domain_only():
    assert names.parse("_dmarc.example.com", underscore=True).subdomain == "_dmarc"
    assert names.parse("_443._tcp.example.com", underscore=True).subdomain == "_443._tcp"
    assert names.parse("k2_a._domainkey.example.com", underscore=True).wildcard is False
    assert names.parse("_dmarc.אב.com", underscore=True).unicode == "_dmarc.אב.com"
    for text in ("_a.com", "a_b.co.uk"):
        assert refusal(text, underscore=True).code == "name_underscore"
    assert refusal("_ü.example.com", underscore=True).code == "name_idna"


def test_private_suffixes_need_their_flag_and_mark_the_names_below_them():
    host = names.parse("github.io", private_suffix=True)
    assert (host.registrable, host.subdomain, host.private_suffix) == (
        "github.io",
        None,
        "github.io",
    )
    assert names.parse("me.github.io").private_suffix == "github.io"
    assert names.parse("example.com").private_suffix is None
    assert refusal("co.uk", private_suffix=True).code == "name_public_suffix"


def test_special_use_suffixes_count_as_public_when_allowed():
    host = names.parse("shop.example.test", special_use=True)
    assert (host.registrable, host.subdomain) == ("example.test", "shop")
    assert host.parents() == ("example.test",)
    assert names.parse("nas.home.arpa", special_use=True).registrable == "nas.home.arpa"
    assert refusal("test", special_use=True).code == "name_single_label"
    assert refusal("home.arpa", special_use=True).code == "name_public_suffix"
    assert refusal("1.0.0.127.in-addr.arpa", special_use=True).code == "name_special_use"
    assert names.parse("example.com", special_use=True).registrable == "example.com"


def test_parents_end_at_the_registrable_domain():
    assert names.parse("a.b.example.co.uk").parents() == ("b.example.co.uk", "example.co.uk")
    assert names.parse("example.co.uk").parents() == ()


@pytest.mark.parametrize(
    ("text", "mixed", "lookalike"),
    [
        ("аррle.com", True, False),
        ("аррӏе.com", False, True),
        ("example.com", False, False),
        ("bücher.de", False, False),
        ("пример.com", False, False),
        ("東京タワーabc.jp", False, False),
        ("한국漢字.kr", False, False),
        ("αbγ.gr", True, False),
    ],
)
def test_lookalikes_are_flagged_and_not_refused(text, mixed, lookalike):
    host = names.parse(text)
    assert (host.mixed_script, host.lookalike) == (mixed, lookalike)


def test_punycode_of_others_agrees():
    if not DATA.is_file():
        pytest.skip("the folder of test data of other projects is not beside this tree")
    compared = 0
    for case in json.loads(DATA.read_text(encoding="utf-8")):
        try:
            idna.check_label(case["decoded"])
        except idna.IDNAError:
            continue
        if case["decoded"].isascii() or len(case["encoded"]) > 59:
            continue
        host = names.parse(case["decoded"] + ".com")
        assert host.name == f"xn--{case['encoded'].lower()}.com"
        assert names.parse(host.name).unicode == f"{case['decoded']}.com"
        compared += 1
    assert compared >= 8


_LABEL = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("abcxyz019-_*.。①ßẞſK\u00ad\u200b\u200dاאü\u0301ς"),
    ),
    min_size=1,
    max_size=12,
)
_TEXT = st.one_of(
    st.text(max_size=40),
    st.builds(lambda parts, tld: ".".join([*parts, tld]), st.lists(_LABEL, min_size=1, max_size=4),
              st.sampled_from(["com", "de", "co.uk", "github.io", "рф", "test", "COM."])),
)  # fmt: skip
_PUNYCODE = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=59).map("xn--{}.com".format)


@settings(max_examples=1500, deadline=None)
@given(
    text=st.one_of(_TEXT, _PUNYCODE),
    flags=st.fixed_dictionaries(
        dict.fromkeys(("wildcard", "underscore", "private_suffix", "special_use"), st.booleans())
    ),
)
@example(text="ẞ.de", flags={})
@example(text="ΑΣ.gr", flags={})
@example(text="\u1e9b\u0323.com", flags={})
def test_canonical_form_is_a_fixed_point_in_both_forms(text, flags):
    host = parsed(text, **flags)
    if host is None:
        return
    assert names.parse(host.name, **flags) == host
    assert names.parse(host.unicode, **flags) == host
    assert names.parse(host.name.upper() + ".", **flags) == host
    assert host.name.isascii()
    assert len(host.name) <= 253
    assert host.name == host.registrable or host.name.endswith("." + host.registrable)
    assert idna.decode(host.registrable.replace("_", "x"))


def test_suffixes_are_encoded_as_names_are():
    """The list's library uses Python's own codec; no rule may tell it from IDNA 2008."""
    for rule in suffixes._both_sections()._publicsuffix:
        bare = rule.lstrip("!").removeprefix("*.")
        if not bare.isascii():
            ours = ".".join(idna.alabel(label).decode() for label in bare.split("."))
            assert ours == bare.encode("idna").decode()


def test_plain_names_are_parsed_quickly():
    texts = [f"www{number}.shop{number}.example.co.uk" for number in range(5000)]
    names.parse("example.com")
    fastest = min(_seconds(texts) for _ in range(3))
    assert len(texts) / fastest > 5_000, "a quarter of what an idle machine does"


def _seconds(texts: list[str]) -> float:
    begun = time.process_time()
    for text in texts:
        names.parse(text)
    return time.process_time() - begun


relative_names = st.sampled_from(["@", "www", "*", "*.apps", "_dmarc", "a.b.c", "xn--bcher-kva"])
origins = st.sampled_from(["example.com", "shop.example.co.uk", "com", "xn--mnchen-3ya.example"])


@given(relative_names, origins)
def test_relative_and_absolute_undo_each_other(name, origin):
    whole = names.absolute(name, origin)
    assert names.relative(whole, origin) == name
    assert names.is_within(whole, origin)
    assert names.is_below(whole, origin) == (name != "@")


def test_a_name_that_only_ends_alike_is_not_below():
    assert not names.is_within("notexample.com", "example.com")
    assert not names.is_below("notexample.com", "example.com")
    assert names.relative("notexample.com", "example.com") == "notexample.com"
    assert names.relative("shop.example.com", "shop.example.com") == "@"


def test_the_names_above():
    name = "a.shop.example.com"
    assert names.self_and_ancestors(name) == [name, "shop.example.com", "example.com", "com"]
    assert names.self_and_ancestors(name, least=2) == [name, "shop.example.com", "example.com"]
    assert names.self_and_ancestors("com", least=2) == []
    assert [names.parent(one) for one in (name, "com", "*.example.com")] == [
        "shop.example.com", "", "example.com",
    ]  # fmt: skip


@given(relative_names, origins)
def test_each_of_the_names_above_is_the_parent_of_the_one_before(name, origin):
    above = names.self_and_ancestors(names.absolute(name, origin))
    assert [names.parent(one) for one in above] == [*above[1:], ""]
    assert all(names.is_within(above[0], one) for one in above)


def test_wildcards_and_spellings():
    assert names.is_wildcard("*.example.com")
    assert not names.is_wildcard("www.example.com")
    assert not names.is_wildcard("*")
    assert names.without_wildcard("*.example.com") == "example.com"
    assert names.without_wildcard("example.com") == "example.com"
    assert names.canonical("Example.COM.") == "example.com"
