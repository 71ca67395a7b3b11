"""Commands that take, give up and list the ownership of applications."""
