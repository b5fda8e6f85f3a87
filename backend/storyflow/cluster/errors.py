"""The exception of the cluster."""


class ClusterError(RuntimeError):
    """The cluster cannot narrate; the message says why and what to do."""
