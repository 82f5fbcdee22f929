"""What a sampler did, step by step."""
