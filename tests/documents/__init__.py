"""Reading of the documents, and the reference pages as the code has them."""
