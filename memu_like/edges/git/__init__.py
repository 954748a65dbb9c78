"""Git: the history of a store that stands in a repository. Each call is a process of its own, and blocks."""
