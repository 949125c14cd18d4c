"""Days and years of certificates in minutes: the real worker, a clock of our own, an authority in memory."""
