"""What every `Validator` must do, before names that are signed well, badly, and not at all."""

from nameplate.ports.validation import Security, Validator


class ValidatorConformance:
    """Subclass it with fixtures `validator`, `signed`, `unsigned` and `bogus`: names with a TXT record."""

    def test_what_is_signed(self, validator: Validator, signed: str) -> None:
        """The values are those whose signature holds."""
        found = validator.validate(signed, "TXT")
        assert found.security is Security.SECURE
        assert found.values
        assert not found.fault

    def test_that_there_is_nothing_is_signed_too(self, validator: Validator, signed: str) -> None:
        """A name without such records has no values."""
        found = validator.validate(signed, "AAAA")
        assert (found.security, found.values) == (Security.SECURE, ())

    def test_what_is_not_signed(self, validator: Validator, unsigned: str) -> None:
        """It has no fault."""
        found = validator.validate(unsigned, "TXT")
        assert (found.security, found.fault) == (Security.INSECURE, "")

    def test_what_is_signed_badly(self, validator: Validator, bogus: str) -> None:
        """The fault is named, and no value is given away."""
        found = validator.validate(bogus, "TXT")
        assert (found.security, found.values) == (Security.BOGUS, ())
        assert found.fault
        assert found.detail

    def test_what_cannot_be_asked_for_is_unknown(self, validator: Validator) -> None:
        """Nothing is raised."""
        for name in ("a..b", f"{'x' * 64}.example"):
            assert validator.validate(name, "TXT").security is Security.UNKNOWN
        assert validator.validate("example.com", "NO SUCH TYPE").security is Security.UNKNOWN
