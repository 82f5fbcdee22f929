"""Floor 3: noise schedules, denoisers that are exact, and samplers that run from noise to structures."""
