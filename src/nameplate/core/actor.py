"""Who acts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Actor:
    """The organization, or the platform's operator, on whose behalf something is done."""

    organization_id: int | None
    """None: the platform itself, which sees every organization."""
    name: str = "system"
    """What a person would recognise in an audit log: the token's name, never the token."""
    token_id: int | None = field(default=None, compare=False)
    """Which token of Nameplate's acts; None: another way in, such as a token of the host's."""

    may_export_keys: bool = field(default=False, compare=False)
    """Whether private keys of certificates may be handed out to it."""

    @property
    def is_platform(self) -> bool:
        """Whether this actor sees every organization."""
        return self.organization_id is None


PLATFORM = Actor(organization_id=None, name="platform")
