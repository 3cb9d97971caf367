"""Scores of whole columns of customers in int64: the same digits as `metrics.formulas.health`, many at once."""
