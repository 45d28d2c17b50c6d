"""The language server: what editors are told about programs (LSP)."""
