"""Records of a domain and the zones that they are written into."""
