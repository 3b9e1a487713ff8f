from .constraint import Constraint as Constraint, read_constraints as read_constraints
