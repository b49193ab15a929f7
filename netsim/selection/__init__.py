"""Who takes part: selections, availability, and which edge server a device belongs to."""
