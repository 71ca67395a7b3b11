"""From text, folders and git to one `Revision`: the specs that people wrote, and what is wrong.

Nothing here talks to CML, and nothing here decides.
"""
