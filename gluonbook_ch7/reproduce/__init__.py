"""The recorded book: what a chapter file recorded, and whether a run today gives the same."""
