"""`trioshadow report`: what archives say, for those who were not there: on a terminal, as JSON, as a page."""
