"""Language models over one port: an OpenAI-compatible endpoint, or a script for tests and demonstrations."""
