"""Files of the project templates.

CML's templates hold examples of Cloudera; these hold a script and a page each, so that a client
that creates a project from a template finds files, and can run one.
"""

from collections.abc import Mapping

_PYTHON = '''\
"""Prints the interpreter of this pod."""

import platform

print("Python", platform.python_version())
'''
_PYSPARK = '''\
"""Counts numbers with Spark, which the runtime must have."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("example").getOrCreate()
print("counted", spark.range(1000).count())
spark.stop()
'''


def _page(name: str, script: str) -> str:
    return (
        f"# {name}\n\nA project of the CML emulator.  Run `{script}` as a job or an application.\n"
    )


TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "Python": {"README.md": _page("Python", "example.py"), "example.py": _PYTHON},
    "PySpark": {
        "README.md": _page("PySpark", "example.py"),
        "example.py": _PYSPARK,
        "spark-defaults.conf": "spark.ui.showConsoleProgress false\n",
    },
}
"""Text by path, by template."""
