"""Record templates: common needs with a few parameters, turned into the records that meet them."""

from collections.abc import Mapping

from nameplate.core.errors import NotFound
from nameplate.core.templates import mail, names, policies
from nameplate.core.templates.effects import Effect, Existing, TemplateEffect, compare
from nameplate.core.templates.template import Parameter, Template, TemplateZone

__all__ = [
    "CATALOGUE",
    "Effect",
    "Existing",
    "Parameter",
    "Template",
    "TemplateEffect",
    "TemplateZone",
    "compare",
    "find",
]  # fmt: skip

CATALOGUE: Mapping[str, Template] = {
    one.name: one for one in (*mail.TEMPLATES, *policies.TEMPLATES, *names.TEMPLATES)
}
"""Every template by its name."""


def find(name: str) -> Template:
    """Return the template of that name. Raises `NotFound`."""
    found = CATALOGUE.get(name)
    if found is None:
        known = ", ".join(sorted(CATALOGUE))
        raise NotFound("template_not_found", f"Unknown template. Expected one of {known}.")
    return found
