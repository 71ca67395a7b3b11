"""Suggestions for misspelt words.

Only for hints in messages: nothing may be done on the strength of a guess.
"""

import difflib
from collections.abc import Iterable


def did_you_mean(written: str, words: Iterable[str]) -> str:
    """``did you mean `replicas`?``, or nothing where none of the words is close."""
    candidates = list(words)
    folded = {_fold(word): word for word in candidates}
    exact = folded.get(_fold(written))
    # Words longer than any name are not typing mistakes, and comparing them would cost time.
    near = difflib.get_close_matches(_fold(written)[:80], folded, n=1, cutoff=0.7)
    meant = exact or (folded[near[0]] if near else None)
    return f"did you mean `{meant}`?" if meant else ""


def _fold(word: str) -> str:
    return word[:80].lower().replace("_", "").replace("-", "")
