"""Checks of a proof on the web server."""

from collections.abc import Iterator

from nameplate.core.diagnosis.finding import DiagnosisFinding
from nameplate.core.diagnosis.observed import Observed


def served(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say why the web server does not answer with the proof."""
    page = seen.page
    if page is None:
        return
    if page.catches_all:
        yield DiagnosisFinding(
            "page_catches_all",
            f"The web server of {seen.name} answers every path with a page, also paths that do not exist, "
            "and so hides the proof.",
            "Serve the file itself at its path, before the rule that answers everything.",
            evidence=page.evidence,
        )
    else:
        yield DiagnosisFinding(
            "page_without_proof",
            page.message,
            "Publish the proof on the web server exactly as the instructions of the domain say, or use the "
            "method `dns_txt`.",
            evidence=page.evidence,
        )
