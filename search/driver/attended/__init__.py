"""Work that a person watches and may stop: its progress on a terminal or in a notebook, and the meaning of Ctrl-C."""
