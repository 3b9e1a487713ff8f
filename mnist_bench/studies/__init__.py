"""Studies of nets: search, read, record and reproduce them; the files that are kept next to them."""
