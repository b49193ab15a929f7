"""netsim: seconds, bits and accuracy of hierarchical federated learning over a simulated network."""
