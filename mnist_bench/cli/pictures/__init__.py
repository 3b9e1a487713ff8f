"""Commands that draw: pictures and the report."""
