"""Space files of nets: found, checked and described."""
