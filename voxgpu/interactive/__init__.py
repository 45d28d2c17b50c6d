"""The interactive prompt (REPL)."""
