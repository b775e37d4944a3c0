"""The files of a card."""

FACTS, README, PAGE = "card.json", "README.md", "card.html"
