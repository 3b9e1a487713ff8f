"""Tests and intervals: proportions, pairs, figures by seed, spread over seeds and shrinkage, many comparisons."""
