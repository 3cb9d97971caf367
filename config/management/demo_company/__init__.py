"""The demo company: a pure story from a seed, then loaded through the services."""
