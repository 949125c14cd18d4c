"""`nameplate demo`: the whole way of a custom domain on this machine, with real protocols."""
