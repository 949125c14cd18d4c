"""The REST API: one file per noun, thin routes, and the only place that knows HTTP."""
