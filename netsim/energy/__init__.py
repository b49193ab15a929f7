"""Energy: the power models of devices, stations and wires, and the meter that integrates them in a run."""
