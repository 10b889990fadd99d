"""`trioshadow replay`: captured requests through both services, before production or in CI."""
