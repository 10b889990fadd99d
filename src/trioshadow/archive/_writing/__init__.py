"""From a record to the disk: the sink, the writer in its thread, the active file, and closed segments."""
