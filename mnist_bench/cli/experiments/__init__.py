"""Commands that train without searching."""
