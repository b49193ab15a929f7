"""Protocol: the round loop, the exchanges between parents and children, and the trace of a run."""
