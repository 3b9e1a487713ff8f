"""Everything that decides the bits of a training: the device and its setup, precision, the numerics check."""
