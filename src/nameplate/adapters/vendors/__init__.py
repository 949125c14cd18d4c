"""APIs that adapters of several families speak: one connection, one credential, one rate limit."""
