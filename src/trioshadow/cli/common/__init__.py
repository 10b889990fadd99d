"""What several commands have: options, checks, clients, consoles, signals, the server. No command is known here."""
