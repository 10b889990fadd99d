"""Who takes part in soak.py, and who watches."""
