"""Files of facts on their way in: one module per kind writes set by set; `run` reads, checks and commits."""
