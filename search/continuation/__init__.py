"""Continuing an earlier study in a new one: which of its trials the new one begins with, and the offer to do so."""
