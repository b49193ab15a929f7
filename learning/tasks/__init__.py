"""Tasks: what is learned from which data, and the tensors with which the engines train."""
