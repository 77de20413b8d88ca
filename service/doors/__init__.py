"""Other people's files and interfaces, translated at the edge into the words of the house."""
