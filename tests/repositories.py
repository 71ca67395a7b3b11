"""Real git repositories with specs, for tests that follow one."""

import os
import subprocess
from pathlib import Path


class Repository:
    """A real git repository; commits are made of whole states of its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "jdoe",
            "GIT_AUTHOR_EMAIL": "jdoe@example.com",
            "GIT_COMMITTER_NAME": "jdoe",
            "GIT_COMMITTER_EMAIL": "jdoe@example.com",
        }
        command = ["git", "-C", str(self.folder), *words]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str = "change", **files: str | None) -> str:
        """Write files of specs/ by name (None: remove), and commit all."""
        for name, text in files.items():
            path = self.folder / "specs" / f"{name}.yaml"
            path.parent.mkdir(exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
