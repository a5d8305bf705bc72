"""Studies with people: design, conditions, instruments, the run, its export and its report."""
