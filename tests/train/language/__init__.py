from pathlib import Path

TALKS = Path(__file__).parents[3] / "train" / "recipes" / "mini" / "talks"
