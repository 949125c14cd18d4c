"""Why a name does not work: what was seen of it, checks over that, and what they find."""
