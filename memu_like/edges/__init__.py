"""One outside thing each: files, locks, the index, embedders, loaders of formats."""
