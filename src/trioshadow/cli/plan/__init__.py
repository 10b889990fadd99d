"""`trioshadow plan`: how long a verdict will take, before anything is counted."""
