"""Long-term memory for LLM applications, kept as plain files."""
