"""A learning problem on a tree as theory sees it: bounds, what rounds cost, and the search over tau."""
