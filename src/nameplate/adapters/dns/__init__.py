"""DNS providers: one module each, all with the interface of `ports.dns`."""
