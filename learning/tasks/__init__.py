"""Tasks: what is learned, from which data, and the tensors that the engines train with."""
