"""Registration data that a test or a sandbox sets itself."""

from nameplate.core.registered import RegistryEntry
from nameplate.ports.registration_data import RegistrationLook, RegistryAnswer


class MemoryRegistrationData:
    """Registrations by name; what is not there is not registered."""

    def __init__(self) -> None:
        self.names: dict[str, RegistryEntry | RegistrationLook] = {}
        self.asked: list[str] = []
        """Every name that was looked up, in order."""
        self.unsupported: set[str] = set()
        """Names whose registry cannot be asked."""

    def look(self, domain: str) -> RegistrationLook:
        """Look up one domain; a whole answer may be set in place of a registration."""
        if domain in self.unsupported:
            return RegistrationLook(RegistryAnswer.UNSUPPORTED, was_asked=False)
        self.asked.append(domain)
        found = self.names.get(domain)
        if found is None:
            return RegistrationLook(RegistryAnswer.ABSENT)
        if isinstance(found, RegistrationLook):
            return found
        return RegistrationLook(RegistryAnswer.FOUND, found)
