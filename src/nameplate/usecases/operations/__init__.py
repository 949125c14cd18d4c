"""What an operator does with an installation: schema and keys."""
