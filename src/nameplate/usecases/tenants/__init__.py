"""Organizations, their accounts and their tokens."""
