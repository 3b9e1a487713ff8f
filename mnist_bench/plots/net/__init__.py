"""Pictures of a trained net: what it confuses, its layers."""
