"""Radio: path loss, shadowing, fading, link budget, rate maps, and cells composed of them."""
