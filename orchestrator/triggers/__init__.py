"""The only code that imports azure.functions and azure.durable_functions. Thin: parse, call, answer."""
