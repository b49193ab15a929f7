"""Client selection, availability of devices, and association of devices with edge servers."""
