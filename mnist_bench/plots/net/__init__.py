"""Pictures of a trained net: what it confuses, its mistakes, its layers."""
