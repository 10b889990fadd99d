"""The lifetime that ends with the verdict: where the shadow runs, is judged, and settles (promise 3)."""
