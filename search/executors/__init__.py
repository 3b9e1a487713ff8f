"""Where periods run: in this process, in processes of this machine or of a cluster; one small protocol for all."""
