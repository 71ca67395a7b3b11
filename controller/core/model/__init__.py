"""The nouns that every decision is made of: members, desired and observed state, plans, memory."""
