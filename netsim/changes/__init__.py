"""A network that changes while a run goes on: faults occur, devices move, the tree is formed anew."""
