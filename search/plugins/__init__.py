"""Custom code: loaded by the name that a person gives, identified by its hash, named in the messages of its errors."""
