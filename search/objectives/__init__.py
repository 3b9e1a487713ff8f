"""A function or a program as an objective: each running trial is a child process, suspended between its reports."""
