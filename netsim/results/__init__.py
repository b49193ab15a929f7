"""Results of a run: tables, manifest, run folders, the live feed and citations."""
