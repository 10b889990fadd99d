"""The lifetime that ends with the answer: admission, launch, and the caller's half of a leg (promises 1, 2, 5)."""
