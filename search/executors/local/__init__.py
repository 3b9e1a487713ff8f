"""Worker processes of this machine: their pool, their pipes, lack of memory."""
