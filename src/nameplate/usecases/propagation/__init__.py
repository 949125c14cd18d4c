"""Looking at DNS as the world sees it."""
