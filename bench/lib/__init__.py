"""What the parts of the bench share. Each of them, beside this folder, is run by run.py or is a command itself."""
