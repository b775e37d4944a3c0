"""What we learn from: the catalogue of corpora, fetching, reading and cutting text."""
