"""Domain Connect (draft-ietf-dconn-domainconnect): one consent at the DNS host instead of typing."""
