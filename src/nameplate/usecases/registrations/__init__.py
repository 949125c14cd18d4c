"""Names at registrars: search, quotes, purchases, renewals, delegation, and what they prove."""
