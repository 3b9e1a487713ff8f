"""Pictures of a trained network: its confusions, its mistakes."""
