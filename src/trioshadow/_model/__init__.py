"""The words of the field: answers, verdicts, keys, errors, what users may plug in. Pure; knows nothing above."""
