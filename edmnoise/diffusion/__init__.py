"""Noise levels in steps, denoisers that are exact, samplers that run from noise to structures."""
