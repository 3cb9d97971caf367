"""Worked examples: calculations from outside that the product must reproduce with its own code."""
