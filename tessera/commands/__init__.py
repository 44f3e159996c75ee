"""The `tessera` command line: one file per family of commands; no rules live here."""
