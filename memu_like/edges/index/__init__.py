"""The index: derived from the files, incremental, memory-mapped; delete it and it is built again."""
