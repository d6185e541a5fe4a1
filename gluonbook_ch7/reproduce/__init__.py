"""The recorded book: what a chapter file recorded, and whether today's run still says it."""
