"""Conversion of KubeRay's manifests to specs: pure, from text to text and notes."""
