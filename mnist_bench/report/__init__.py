"""A study on one page: findings, sections, pictures, without a network."""
