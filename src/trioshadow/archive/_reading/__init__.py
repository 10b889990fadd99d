"""From the disk to what it says: entries and problems one by one, the evidence of each epoch, and one summary."""
