"""Background work: rows that are due, leased, brought one step forward, released."""
