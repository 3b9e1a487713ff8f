"""The nets: their layers and costs, known before anything is built; their PyTorch modules; the plan of a trial."""
