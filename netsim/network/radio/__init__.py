"""Radio: path loss, shadowing, fading, link budgets, rate maps and the cells built from them."""
