"""`trioshadow proxy`: a reverse proxy that mirrors, for those who can't change their code."""
