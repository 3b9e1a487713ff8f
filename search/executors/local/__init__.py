"""Worker processes of this machine: their pool, their pipes, the lanes of each, lack of memory."""
