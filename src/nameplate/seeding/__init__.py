"""Small worlds and bulk loads for demonstrations, tests and measurements."""
