import pytest

from nameplate.core.dangling import services
from nameplate.core.dangling.services import SERVICES


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("acme.github.io", "GitHub Pages"),
        ("x.s3.amazonaws.com", "AWS S3"),
        ("69.164.223.206", "Worksites"),
        ("evilgithub.io", None),
        ("github.io.evil.example", None),
        ("192.0.2.1", None),
    ],
)
def test_a_target_is_a_services_by_whole_labels(target: str, name: str | None) -> None:
    found = services.of([target])
    assert (found.name if found else None) == name


def test_the_pieces_of_a_text_follow_each_other() -> None:
    ngrok = next(one for one in SERVICES if one.name == "Ngrok")
    assert ngrok.disowns("<p>Tunnel acme.ngrok.io not found</p>")
    assert not ngrok.disowns(".ngrok.io not found: Tunnel ")


def test_every_service_can_be_told() -> None:
    for one in SERVICES:
        assert one.targets, one.name
        assert all(piece for text in one.texts for piece in text), one.name
        assert one.texts or one.is_certain, one.name
