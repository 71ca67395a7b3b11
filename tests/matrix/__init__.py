"""One story told with many versions of Ray, and what is measured on the way."""
