"""Pictures: one module per kind, with the figures computed apart from the drawing; one style for all."""
