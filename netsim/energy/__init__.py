"""Energy: power models of devices, stations and wired links, and the meter that integrates them during a run."""
