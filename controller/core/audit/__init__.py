"""The laws, checked on every plan before anything of it is carried out."""
