"""A type check of the Bicep files in ``infra/``, for machines without Bicep: it tells what a deployment would refuse.

It knows syntax (tree-sitter-bicep), names, the resources' types (``types.toml``), modules' parameters and outputs,
circles, names that are taken twice, secrets that would be shown, private endpoints, and
three things that no compiler knows: which role each identity is given where, which permissions the adapters' calls
need, and which app settings the code reads. It compiles nothing.
"""
