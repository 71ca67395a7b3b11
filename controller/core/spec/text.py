"""Counts and lengths of time as text."""


def counted(number: int, what: str) -> str:
    """`1 cluster`, `2 clusters`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def spoken(seconds: float) -> str:
    """`8s`, `3m12s`, `2h05m`, `3d04h`; never negative."""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
