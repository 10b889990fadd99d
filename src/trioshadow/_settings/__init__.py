"""What a user sets, compiled and named by a fingerprint; and what the record of a call keeps. Pure."""
