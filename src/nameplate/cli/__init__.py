"""Commands that print: one file per noun, exit codes as documented, data on stdout only."""
