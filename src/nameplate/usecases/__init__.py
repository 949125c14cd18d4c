"""What Nameplate does, as plain functions named by verbs."""
