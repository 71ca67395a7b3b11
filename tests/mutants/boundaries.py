"""Boundaries: between clusters with similar names, and between what is at fault and the rest."""

from tests.mutants.mutant import Mutant, m

GONE = "tests/core/test_cluster_folders.py"

# fmt: off
FOLDERS = [
    m("B12", "a cluster keeps the files of one whose name begins its own",
      "core/cluster_folders.py",
      "return cluster in (marked, launched)",
      'return app.subdomain.startswith(f"ray-{cluster}-") or cluster in (marked, launched)',
      f"{GONE}::test_every_pair_of_similar_clusters_keeps_its_own_files"),
    m("B12", "any name that begins like a cluster's is a member's", "core/member.py",
      'return tail == HEAD or parse_member("/".join(tail.rsplit("-", 1))) is not None',
      "return bool(tail)", f"{GONE}::test_a_cluster_with_a_similar_name_keeps_nothing"),
    m("B12", "the law takes a part of any path for a cluster", "core/audit_files.py",
      '".raycml/launchers/{name}/" in app.script', '"/{name}/" in app.script',
      f"{GONE}::test_a_cluster_named_like_a_part_of_a_path_leaves_its_files"),
    m("B10", "a cluster that moved keeps its files in the old project", "core/cluster_folders.py",
      "if (project, folder.cluster) not in held",
      "if folder.cluster not in {c for _, c in held}",
      f"{GONE}::test_a_cluster_that_moved_leaves_no_files_behind"),
]
# fmt: on

MUTANTS: list[Mutant] = [*FOLDERS]
