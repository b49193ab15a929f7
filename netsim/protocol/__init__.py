"""The nested loop and what it speaks with: talks between parents and children, messages, copies, corrections."""
