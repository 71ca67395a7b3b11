"""The pages that people read, and the forms that they send."""
