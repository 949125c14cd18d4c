"""Bad days: one thing is broken at a time, on real servers; what is said, and how fast it heals."""
