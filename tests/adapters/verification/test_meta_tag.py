import socket
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.verification.meta_tag import MAX_PAGE, MetaTag, tags
from nameplate.core.egress import EgressPolicy
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.verification import Proof, Verdict

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
NAME = "shop.example.org"
TOKEN = "k7" * 20
TAG = f'<meta name="nameplate-verification" content="{TOKEN}">'
SVG = "http://www.w3.org/2000/svg"

TRICKS = {
    "in the body": f"<html><head></head><body>{TAG}</body></html>",
    "in a body without tag": f"<html><head></head>{TAG}</html>",
    "behind the head": f"<html><head><title>x</title></head>{TAG}<body></body></html>",
    "in a comment": f"<html><head><!-- {TAG} --></head></html>",
    "in a comment without end": f"<html><head><!-- {TAG} </head></html>",
    "in an abruptly closed comment": f"<html><head><!--x--!--{TAG}--></head></html>",
    "in a bogus comment": f"<html><head><?{TAG.replace('>', ' ')}></head></html>",
    "in a declaration": f"<html><head><!x {TAG.replace('>', ' ')}></head></html>",
    "in noscript": f"<html><head><noscript>{TAG}</noscript></head></html>",
    "in noscript behind a comment": f"<html><head><noscript><!--</noscript>{TAG}--></noscript>",
    "in a style in noscript": f"<html><head><noscript><style></noscript>{TAG}</style>",
    "in an attribute in noscript": f"<html><head><noscript><link title='</noscript>{TAG}'>",
    "in svg": f"<html><head><svg>{TAG}</svg></head></html>",
    "in svg's foreign object": f"<html><head><svg><foreignObject>{TAG}</foreignObject></svg>",
    "in svg's style": f"<html><head><svg><style>{TAG}</style></svg></head></html>",
    "in math": f"<html><head><math><mtext>{TAG}</mtext></math></head></html>",
    "in a template": f"<html><head><template>{TAG}</template></head></html>",
    "in a script": f"<html><head><script>document.write('{TAG}')</script></head></html>",
    "in a script with comment": f"<html><head><script><!--<script></script>{TAG}--></script></head>",
    "in a script of text": f"<html><head><script type=text/x>{TAG}</script></head></html>",
    "in a style": f"<html><head><style>{TAG}</style></head></html>",
    "in the title": f"<html><head><title>{TAG}</title></head></html>",
    "in a title without end": f"<html><head><title>{TAG}</head></html>",
    "in a second head": f"<html><head></head><body><head>{TAG}</head></body></html>",
    "in a head within the body": f"<html><body><head>{TAG}</head></body></html>",
    "in an iframe's srcdoc": f"<html><head></head><iframe srcdoc='<head>{TAG}</head>'></iframe>",
    "in an iframe in the head": f"<html><head><iframe>{TAG}</iframe></head></html>",
    "in a textarea": f"<html><head><textarea>{TAG}</textarea></head></html>",
    "in xmp": f"<html><head><xmp>{TAG}</xmp></head></html>",
    "in plaintext": f"<html><head><plaintext>{TAG}",
    "in noframes": f"<html><head><noframes>{TAG}</noframes></head></html>",
    "in an attribute": f"<html><head><link title='{TAG}'></head></html>",
    "in an attribute without end": f"<html><head><link title='{TAG}</head></html>",
    "in a value with an entity": f"<html><head><link title='&#39;>{TAG}'></head></html>",
    "behind text": f"<html><head>Hello {TAG}</head></html>",
    "behind a paragraph": f"<html><head><p>Hi</p>{TAG}</head></html>",
    "behind an image": f"<html><head><img src=x>{TAG}</head></html>",
    "behind a custom element": f"<html><head><my-tag></my-tag>{TAG}</head></html>",
    "behind a closed body": f"<html><head></body>{TAG}</head></html>",
    "behind br": f"<html><head></br>{TAG}</head></html>",
    "before the head": f"<html>{TAG}<head></head></html>",
    "before everything": f"{TAG}<html><head></head></html>",
    "behind text before the head": f"Hello<html><head>{TAG}</head></html>",
    "behind a paragraph before the head": f"<p>x</p><head>{TAG}</head>",
    "behind a script before the head": f"<script></script><head>{TAG}</head>",
    "behind a form before html": f"<form><html><head>{TAG}</head></html>",
    "without head": TAG,
    "in a frameset": f"<html><frameset><head>{TAG}</head></frameset></html>",
    "as text": f"<html><head>{TAG.replace('<', '&lt;')}</head></html>",
    "by property": f"<head>{TAG.replace('name=', 'property=')}</head>",
    "by http-equiv": f"<head>{TAG.replace('name=', 'http-equiv=')}</head>",
    "with another value first": f"<head>{TAG.replace('content=', 'content=x content=')}</head>",
    "with another name first": f"<head>{TAG.replace('name=', 'name=x name=')}</head>",
    "with a longer name": f"<head>{TAG.replace('verification', 'verification2')}</head>",
    "as another element": f"<head>{TAG.replace('meta', 'metadata')}</head>",
    "with a slash in the name": f"<head>{TAG.replace('meta', 'me/ta')}</head>",
    "with more text": f"<head>{TAG.replace(TOKEN, TOKEN + 'x')}</head>",
    "with less text": f"<head>{TAG.replace(TOKEN, TOKEN[:-1])}</head>",
    "with spaces": f"<head>{TAG.replace(TOKEN, f' {TOKEN} ')}</head>",
    "with a zero-width space": f"<head>{TAG.replace(TOKEN, TOKEN + '&#8203;')}</head>",
    "in upper case": f"<head>{TAG.replace(TOKEN, TOKEN.upper())}</head>",
    "as part of a list": f"<head>{TAG.replace(TOKEN, f'{TOKEN},{TOKEN}')}</head>",
    "in another encoding": f"<head>\x1b$B{TAG}</head>",
    "in UTF-16": f"<head>{TAG}</head>".encode("utf-16").decode("latin-1"),
    "too late": f"<head><style>{'x' * MAX_PAGE}</style>{TAG}</head>",
    "behind too many tags": f"<head>{'<meta>' * 3000}{TAG}</head>",
    "cut in the tag": f"<head>{' ' * (MAX_PAGE - 6 - len(TAG) + 2)}{TAG}</head>",
}
LEGITIMATE = {
    "plain": f"<!doctype html><html><head>{TAG}</head><body></body></html>",
    "without html": f"<head>{TAG}</head>",
    "attributes of html and head": f'<html lang="de>"><head prefix="og: x">{TAG}</head></html>',
    "old doctype": f'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x"><html><head>{TAG}</head>',
    "comments before": f"<!-- a --><!doctype html>\n<!-- b --><html>\n<!-- c --><head>{TAG}</head>",
    "byte order mark": f"\ufeff<!doctype html><html><head>{TAG}</head></html>",
    "upper case": f"<HTML><HEAD>{TAG.replace('meta', 'META').replace('name=', 'NAME=')}</HEAD>",
    "name in upper case": f"<head>{TAG.replace('nameplate', 'NamePlate')}</head>",
    "other order": f'<head><meta content="{TOKEN}" name="nameplate-verification"></head>',
    "closed": f"<head>{TAG[:-1]} /></head>",
    "single quotes": f"<head>{TAG.replace(chr(34), chr(39))}</head>",
    "no quotes": f"<head>{TAG.replace(chr(34), '')}</head>",
    "entities": f"<head>{TAG.replace('k7', '&#107;7')}</head>",
    "line breaks": f"<head>\n  {TAG.replace(' ', chr(10))}\n</head>",
    "more attributes": f"<head>{TAG[:-1]} data-x='1' lang=de></head>",
    "after everything that may be there": "<head><meta charset=utf-8><title>x > y</title><base "
    f"href=/><link rel=x><style>a>b{{}}</style><script>'</head>'</script><noscript><img src=x><!-- c --></noscript>"
    f"<!-- c -->{TAG}</head>",
    "beside an older one": f"<head>{TAG.replace(TOKEN, 'old')}{TAG}</head>",
    "a head without end": f"<html><head>{TAG}<body>",
    "a long page": f"<head>{TAG}</head><body>{'x' * MAX_PAGE}</body>",
}


def serving(answer: Callable[[str], bytes], *, edge: str = "") -> tuple[Proof, list[str]]:
    heads: list[str] = []

    def serve(connection: socket.socket) -> None:
        heads.append(request_head(connection))
        connection.sendall(answer(heads[-1]))

    with HostileServer(serve) as server:
        ports = {"http": server.port, "https": 1}
        fetcher = SafeFetcher(LOOPBACK, lambda _: ("127.0.0.1",), ports=ports)
        networks = (ip_network(edge),) if edge else ()
        return MetaTag(fetcher, networks).check(NAME, TOKEN), heads


def page(
    body: str, status: int = 200, headers: str = "", kind: str = "text/html; charset=utf-8"
) -> Callable[[str], bytes]:
    sent = body.encode()
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Type: {kind}\r\nContent-Length: {len(sent)}\r\n\r\n"
    return lambda _: head.encode() + sent


def test_the_instruction():
    told = MetaTag(SafeFetcher(LOOPBACK, lambda _: ())).instruct(NAME, TOKEN)
    assert (told.kind, told.get("page"), told.expected) == ("tag", f"https://{NAME}/", TAG)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_accepted(trick):
    proof, _ = serving(page(TRICKS[trick]))
    assert proof.verdict in {Verdict.ABSENT, Verdict.MISMATCH}
    assert proof.reason in {"tag_absent", "tag_mismatch", "tag_no_head"}


def test_there_are_many_tricks():
    assert len(TRICKS) >= 40


@pytest.mark.parametrize("way", LEGITIMATE)
def test_what_is_right_is_accepted(way):
    proof, _ = serving(page(LEGITIMATE[way]))
    assert (proof.verdict, proof.reason) == (Verdict.MATCH, "tag_match")
    assert TOKEN not in "".join(proof.observed)


def test_only_the_first_page_of_exactly_this_host_is_asked_for():
    _, heads = serving(page(LEGITIMATE["plain"]))
    assert [head.split("\r\n")[0] for head in heads] == ["GET / HTTP/1.1"]
    assert f"Host: {NAME}\r\n" in heads[0]
    assert TOKEN not in heads[0]


@pytest.mark.parametrize("target", ["/there", f"http://{NAME}/x", "https://elsewhere.example/"])
def test_no_redirect_is_followed(target):
    proof, heads = serving(page(LEGITIMATE["plain"], 302, f"Location: {target}\r\n"))
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "page_redirect_refused")
    assert len(heads) == 1


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (page(LEGITIMATE["plain"], 404), Verdict.INCONCLUSIVE, "page_status"),
        (page(LEGITIMATE["plain"], 500), Verdict.INCONCLUSIVE, "page_status"),
        (page(LEGITIMATE["plain"], kind="text/plain"), Verdict.MISMATCH, "page_not_html"),
        (page(LEGITIMATE["plain"], kind="image/svg+xml"), Verdict.MISMATCH, "page_not_html"),
        (
            page("x", headers="Content-Encoding: gzip\r\n"),
            Verdict.MISMATCH,
            "page_encoded",
        ),
        (lambda _: b"nonsense", Verdict.INCONCLUSIVE, "page_malformed"),
    ],
)
def test_each_failure_has_its_reason(answer, verdict, reason):
    proof, _ = serving(answer)
    assert (proof.verdict, proof.reason) == (verdict, reason)


def test_the_platforms_own_answer_proves_nothing():
    proof, _ = serving(page(LEGITIMATE["plain"], headers=f"{EDGE_HEADER}: 1\r\n"))
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "answered_by_platform")
    proof, _ = serving(page(LEGITIMATE["plain"]), edge="127.0.0.0/8")
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "answered_by_platform")


@pytest.mark.parametrize(
    "hostile",
    ["<head>" + "<!--" * 60_000, "<head>" + "<meta " * 40_000, "<" * 262_144, "<head><a " + "=" * 250_000,
     "<head>" + "<script>" * 30_000, "<!--x-->" * 30_000, "<head><title>" + "&" * 250_000],
    ids=["comments", "tags", "brackets", "equals", "scripts", "closed comments", "ampersands"],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_a_hostile_page_takes_a_moment(hostile):
    assert not tags(hostile.encode())
