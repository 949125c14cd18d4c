"""DNS records that lead to something which is not there any more, and which a stranger can take."""
