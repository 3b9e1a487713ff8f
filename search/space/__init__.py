"""Search spaces: YAML files with ranges and conditions, read with line and column, and changed by `--set`."""
