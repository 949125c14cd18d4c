"""The kit that DNS providers share: batching, comparing, dispatching, reading back."""
