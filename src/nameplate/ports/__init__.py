"""What Nameplate asks of the outside world: small Protocols whose docstring is the contract."""
