"""A server in a process of its own, its client and its peers, for serving.py."""
