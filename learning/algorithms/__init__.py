"""Algorithms: layers of (tau, uplink compressor, aggregation rule, downlink compressor), and named recipes."""
