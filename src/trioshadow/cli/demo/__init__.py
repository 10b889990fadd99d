"""`trioshadow demo`: a real migration, from a deprecated library to its successor; with `--http`, of a service."""
