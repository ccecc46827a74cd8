"""What every other folder of core may use: errors, codec, text, vocabulary, regions, strict YAML."""
