"""The network of pods: the proxy before an application, and a mesh between pods."""
