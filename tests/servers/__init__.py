"""Real servers that the tests start on loopback, each in its own temporary folder."""
